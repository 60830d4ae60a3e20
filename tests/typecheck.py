"""Check the types of arguments and results of every function of the package at each call."""

from __future__ import annotations

import dataclasses
import typing
from types import ModuleType

import pandas
from beartype import BeartypeConf, BeartypeDecorPlace
from beartype.claw import beartype_package


def check_calls(package: str) -> None:
    """Check each call of what is imported from a package from here on."""
    # beartype looks for the types of named tuples' fields in a module that does not exist, and JAX
    # makes dataclasses of other things than arrays.
    _leave_alone(typing, "_make_nmtuple", "__new__")
    _leave_alone(dataclasses, "_process_class", "__init__")
    # The numeric tower: an int is a fine float argument, as in all of Python's typing.
    settings = BeartypeConf(
        is_pep484_tower=True,
        claw_is_pep526=False,
        claw_skip_package_names=("shardsim.view.server",),  # starlette asks what is a coroutine
        claw_decor_place_func=BeartypeDecorPlace.FIRST,  # inside jax.jit
    )
    beartype_package(package, conf=settings)
    _import_for_types()


def _leave_alone(module: ModuleType, maker: str, method: str) -> None:
    """Do not check the method that a maker of classes writes."""
    make = getattr(module, maker)

    def made(*args, **kwargs):
        found = make(*args, **kwargs)
        if method in vars(found):  # else it is inherited
            typing.no_type_check(getattr(found, method))
        return found

    setattr(module, maker, made)


def _import_for_types() -> None:
    """Let modules find those types that they import for type checkers alone."""
    from shardsim.base import frames
    from shardsim.env import core, legend, placing
    from shardsim.runs import figures

    legend.Env = placing.Env = core.Env
    frames.DataFrame = pandas.DataFrame
    figures.Figure = figures.Run = typing.Any  # slow to import, and tests hand in others
