"""Labelled tables as pandas DataFrames whose columns say what they hold, with units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from shardsim.base.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from pandas import DataFrame


def to_pandas(data: xr.Dataset, *variables: str) -> DataFrame:
    """Return variables of a table as a long DataFrame: a row for each place along their dims.

    Columns are the dims and the coordinates along them by name, and each variable by its long name
    with its unit: `run.track` with "share" gives checkpoint, seed, shard, steps, …, and
    "share of decision influence".

    Args:
      data: a table, such as `run.track`, `run.reflection` or `run.shards.dataset`.
      variables: names of its variables, all over the same dims.

    Raises:
      UserError: no such variable, none at all, or variables over different dims.
    """
    known = [str(name) for name in data.data_vars]
    if not variables:
        raise UserError(f"name the variables that are wanted; {did_you_mean('', known)}")
    for name in variables:
        if name not in known:
            raise UserError(f"the table has no variable {name!r}; {did_you_mean(name, known)}")
    dims = data[variables[0]].dims
    other = next((name for name in variables if set(data[name].dims) != set(dims)), None)
    if other is not None:
        raise UserError(
            f"{variables[0]} is over {', '.join(map(str, dims))} and {other} over "
            f"{', '.join(map(str, data[other].dims))}; export them one by one"
        )
    long = {name: _long_name(data[name]) for name in variables}
    twice = len(set(long.values())) < len(long)
    columns = {name: f"{said} ({name})" if twice else said for name, said in long.items()}
    frame = data[list(variables)].to_dataframe(dim_order=list(dims)).reset_index()
    return frame.rename(columns=columns)


def _long_name(array: xr.DataArray) -> str:
    units = array.attrs.get("units", "1")
    said = str(array.attrs.get("long_name", array.name))
    return said if units == "1" else f"{said} ({units})"
