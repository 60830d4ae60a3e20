"""Results: the same bytes for the same values, and the same values back."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from shardsim.base.errors import UserError
from shardsim.runs.io import (
    canonical,
    dataset_from_bytes,
    dataset_to_bytes,
    json_from_bytes,
    json_to_bytes,
)


def table() -> xr.Dataset:
    return xr.Dataset(
        {
            "share": (("seed", "shard"), np.array([[0.25, np.nan], [1.0, 0.0]], np.float32)),
            "confirmed": ("shard", [True, False]),
        },
        coords={"concept": ["cheese", "decoy"], "seed": [0, 1]},
        attrs={"verdict": "shards"},
    )


def test_a_table_comes_back_with_names_dtypes_and_attributes() -> None:
    assert dataset_from_bytes(dataset_to_bytes(table()), "x").identical(table())


def test_a_table_has_the_same_bytes_each_time() -> None:
    assert dataset_to_bytes(table()) == dataset_to_bytes(table())


@pytest.mark.parametrize("data", [b"", b"no netcdf", dataset_to_bytes(table())[:500]])
def test_a_damaged_table_is_one_line(data: bytes) -> None:
    with pytest.raises(UserError, match=r"shards\.nc is damaged"):
        dataset_from_bytes(data, "shards.nc")


def test_canonical_values_are_exact() -> None:
    values = {"b": np.float32(1 / 3), "a": (np.nan, -0.0, np.int32(3), True, None, np.ones(1))}
    text = b'{"a":[null,0.0,3,true,null,[1.0]],"b":0.333333}'
    assert json_to_bytes(values).replace(b"\n", b"").replace(b" ", b"") == text


def test_key_order_does_not_matter() -> None:
    assert json_to_bytes({"a": 1, "b": 2}) == json_to_bytes({"b": 2, "a": 1})


@given(st.floats())
def test_rounding_keeps_six_digits_and_is_done_once(value: float) -> None:
    found = canonical(value)
    assert canonical(found) == found
    if math.isfinite(value):
        assert math.isclose(found, value, rel_tol=5.1e-6, abs_tol=1e-320)
    else:
        assert found is None
    assert json.loads(json_to_bytes(value)) == found


def test_damaged_json_is_one_line() -> None:
    with pytest.raises(UserError, match=r"diagnosis\.json is damaged"):
        json_from_bytes(b"{", "diagnosis.json")
