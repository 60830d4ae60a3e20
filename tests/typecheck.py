"""The type checker that the import hook in `conftest.py` puts around every function."""

from __future__ import annotations

from beartype import BeartypeConf, beartype

# The numeric tower: an int is a fine float argument, as in all of Python's typing.
check = beartype(conf=BeartypeConf(is_pep484_tower=True))
