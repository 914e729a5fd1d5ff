"""`python -m instancectl`."""

from instancectl.cli.main import main

if __name__ == "__main__":
    main()
