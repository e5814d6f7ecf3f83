"""`python -m segctl`."""

from segctl.cli.main import main

if __name__ == "__main__":
    main()
