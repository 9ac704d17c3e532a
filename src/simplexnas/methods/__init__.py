"""Search methods: from a loss and a knob to an architecture."""
