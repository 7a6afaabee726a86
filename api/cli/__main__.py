"""`python -m api.cli` is `tankcal`: for a process that starts another with its own interpreter."""

from api.cli import main

main()
