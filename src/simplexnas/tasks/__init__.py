"""What is to be learned: images, classes, splits."""
