"""The platform that JAX computes on: there, or said to be missing in one true line."""

from __future__ import annotations

import os
from functools import cache

from shardsim.base.compiled import share_between_processes
from shardsim.base.errors import UserError, one_line

_NAMES = ("JAX_PLATFORMS", "JAX_PLATFORM_NAME")


@cache
def check_platform() -> None:
    """Raise UserError where JAX cannot begin on the platform that the environment asks for."""
    import jax  # not above: listing envs and figures needs no JAX

    share_between_processes()
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:  # an assertion where a plugin is missing
        asked = next((name for name in _NAMES if os.environ.get(name)), None)
        if asked is None:
            raise UserError(f"JAX finds no device: {one_line(error)}") from error
        raise UserError(
            f"{asked}={os.environ[asked]} names no platform that JAX can begin on here; "
            f"set {asked}=cpu, or unset it"
        ) from error
