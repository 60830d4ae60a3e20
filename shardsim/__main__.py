"""`python -m shardsim` is the same as the `shardsim` command."""

from shardsim.cli import main

if __name__ == "__main__":
    main()
