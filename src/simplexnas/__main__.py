"""`python -m simplexnas` is the command line."""

from simplexnas.cli import main

main()
