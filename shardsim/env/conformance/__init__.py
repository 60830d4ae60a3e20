"""The checks of `check_env`, by what they look at."""
