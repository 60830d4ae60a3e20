"""What a table may hold: every variable and dim with its long name and units, stated once.

A table that is built by `labelled` holds no other variable, in no other dims, so that whoever opens
it with xarray alone can say what each number is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr


class Variable(NamedTuple):
    """One variable of a table; `units` as CF conventions write them, "1" for pure numbers."""

    dims: tuple[str, ...]
    long_name: str
    units: str = "1"


class Schema(NamedTuple):
    """All variables of a table, and the coordinates along its dims."""

    variables: Mapping[str, Variable]
    coordinates: Mapping[str, Variable]


def labelled(
    schema: Schema,
    values: Mapping[str, Any],
    coordinates: Mapping[str, Any],
    attributes: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Return a Dataset of a schema.

    Args:
      schema: of the table.
      values: variable -> array over its dims; not all variables need be there.
      coordinates: coordinate -> array over its dims.
      attributes: of the whole table.

    Raises:
      KeyError: a name that the schema does not have.
      ValueError: an array whose shape is not that of its dims.
    """
    return xr.Dataset(
        {name: _one(schema.variables[name], value) for name, value in values.items()},
        {name: _one(schema.coordinates[name], value) for name, value in coordinates.items()},
        dict(attributes or {}),
    )


def _one(variable: Variable, value: Any) -> tuple[tuple[str, ...], np.ndarray, dict[str, str]]:
    array = np.asarray(value)
    if array.dtype == object:
        array = array.astype(str)
    return variable.dims, array, {"long_name": variable.long_name, "units": variable.units}
