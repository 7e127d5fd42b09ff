"""`python -m neurokit` is `neurokit`."""

from neurokit.cli import main

main()
