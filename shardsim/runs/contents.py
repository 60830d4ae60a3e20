"""What is wrong with the bytes of one file of a run, by its kind; starts no JAX."""

from __future__ import annotations

import io
import json
import tomllib
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from shardsim.agent.schema import TRAINING
from shardsim.base.errors import one_line
from shardsim.base.schema import Schema
from shardsim.reflection import schema as reflection
from shardsim.runs.files import ADDED, STABILITY
from shardsim.shards.schema import SHARDS, TRACK

TABLES: dict[str, Schema] = {
    "training.nc": TRAINING,
    "shards.nc": SHARDS,
    "track.nc": TRACK,
    "reflection.nc": reflection.REFLECTION,
    STABILITY: reflection.STABILITY,
}


_ENDLESS = ("distance", "covariates/")  # arrays of a battery that may hold infinity


def fault_of(name: str, data: bytes, seeds: int) -> str:
    """Return in a few words what is wrong with a file; empty where nothing is.

    Args:
        name: of the file, under the run directory.
        data: what it holds.
        seeds: number of seeds of the run.
    """
    check = _KINDS.get(PurePosixPath(name).suffix)
    try:
        return check(name, data, seeds) if check else ""
    except Exception as error:  # of another library, which says in its own way what it cannot read
        return f"cannot be read ({one_line(error)})"


def _arrays(name: str, data: bytes, seeds: int) -> str:
    """Safetensors, whole, of finite numbers.

    Two may hold others: the mean of a chunk in which no episode ended is NaN, and in a battery the
    distance to what cannot be reached is infinite.
    """
    from safetensors.numpy import load

    kept = load(data)
    if ".means." in name:
        return ""
    floats = {key: value for key, value in kept.items() if value.dtype.kind == "f"}
    apart = [key for key in floats if name == ADDED and key.startswith(_ENDLESS)]
    odd = sorted(
        key
        for key, value in floats.items()
        if (np.isnan(value) if key in apart else ~np.isfinite(value)).any()
    )
    return f"holds numbers that are not finite, first in {odd[0]}" if odd else ""


def _table(name: str, data: bytes, seeds: int) -> str:
    """A table of its run's seeds, without variables that its schema does not have.

    A schema does not say which must be there: a run without shards, or of an older version, has
    fewer. Opened with h5py: xarray takes ten times as long to decode hundreds of variables.
    """
    import h5py

    schema = TABLES.get(name)
    with h5py.File(io.BytesIO(data), "r") as file:
        sizes = {key: one.shape for key, one in file.items() if not _is_bare_dim(one)}
    if schema is None:
        return ""
    known = {**schema.variables, **schema.coordinates}
    for key, shape in sizes.items():
        if key not in known or len(shape) != len(known[key].dims):
            return f"holds {key}, which is not as its schema has it"
    if seeds and sizes.get("seed", (seeds,)) != (seeds,):
        return f"holds {sizes['seed'][0]} seeds, and the run has {seeds}"
    return ""


def _is_bare_dim(found: Any) -> bool:
    """Whether an entry of a NetCDF file is a dim without coordinate, which is no variable."""
    return found.attrs.get("NAME", b"").startswith(b"This is a netCDF dimension but not")


def _json(name: str, data: bytes, seeds: int) -> str:
    json.loads(data)
    return ""


def _toml(name: str, data: bytes, seeds: int) -> str:
    tomllib.loads(data.decode())
    return ""


def _picture(name: str, data: bytes, seeds: int) -> str:
    whole = data.startswith(b"\x89PNG\r\n\x1a\n") and data.endswith(b"IEND\xaeB`\x82")
    return "" if whole else "is no whole PNG picture"


def _page(name: str, data: bytes, seeds: int) -> str:
    return "" if data.rstrip().endswith(b"</html>") else "is no whole page"


_KINDS: dict[str, Callable[[str, bytes, int], str]] = {
    ".safetensors": _arrays,
    ".nc": _table,
    ".json": _json,
    ".toml": _toml,
    ".png": _picture,
    ".html": _page,
}
