"""Results in and out: labelled arrays as NetCDF, plain values as canonical JSON.

Both give the same bytes for the same values, and neither holds anything that could be executed.
"""

from __future__ import annotations

import io
import json
import math
import threading
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import H5NetCDFStore

from shardsim.base.errors import UserError, one_line

_DIGITS = 6
_WRITING = threading.Lock()  # HDF5 is not made for several threads


def dataset_to_bytes(dataset: xr.Dataset) -> bytes:
    """A Dataset as NetCDF 4 bytes. Bool variables and None attributes are xarray's to encode."""
    file = io.BytesIO()
    # On a worker of Dask `to_netcdf` takes a lock of the cluster, named by a file that has no name.
    store = H5NetCDFStore.open(file, mode="w", lock=_WRITING)
    dataset.dump_to_store(store)
    store.close()
    return file.getvalue()


def dataset_from_bytes(data: bytes, source: str) -> xr.Dataset:
    """Read what `dataset_to_bytes` wrote, into memory; raises UserError where it is damaged."""
    try:
        return xr.load_dataset(io.BytesIO(data), engine="h5netcdf")
    except Exception as error:
        raise UserError(f"{source} is damaged ({one_line(error)}); make it again") from error


def canonical(value: Any) -> Any:
    """Plain JSON values: numpy unpacked, floats to six significant digits, no NaN or infinity.

    Six digits say more than any interval here, and keep a change of the last bit out of the file.
    """
    if isinstance(value, dict):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if hasattr(value, "tolist"):
        return canonical(np.asarray(value).tolist())
    if isinstance(value, float):
        # Adding zero turns −0.0 into 0.0.
        return float(f"{value:.{_DIGITS}g}") + 0.0 if math.isfinite(value) else None
    return value


def json_text(value: Any, *, indent: int | None = 2, plain: bool = False) -> str:
    """Canonical JSON with sorted keys; the one place that writes JSON.

    Args:
        value: anything of dicts, lists, numbers, words and arrays.
        indent: spaces for each level; None writes one line.
        plain: whether to spell what is not ASCII as escapes.
    """
    return json.dumps(
        canonical(value), sort_keys=True, indent=indent, ensure_ascii=plain, allow_nan=False
    )


def json_to_bytes(value: Any) -> bytes:
    """Canonical JSON for a file, one key a line."""
    return f"{json_text(value)}\n".encode()


def json_from_bytes(data: bytes, source: str) -> Any:
    """Parse JSON; raises UserError where it is damaged."""
    try:
        return json.loads(data)
    except ValueError as error:
        raise UserError(f"{source} is damaged ({one_line(error)}); make it again") from error
