"""Single numbers from Python: NumPy's count as Python's, and what is none is named."""

from __future__ import annotations

import json

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.base.scalars import plain, whole
from shardsim.base.seeds import checked_seed


def test_numpys_scalars_become_pythons_wherever_they_stand():
    given = {
        "seeds": np.int64(2),
        "rate": np.float32(0.5),
        "on": np.bool_(True),
        "name": np.str_("a"),
        "inner": {"list": [np.int8(1), 2], "tuple": (np.array(3),), "none": None},
    }
    wanted = {
        "seeds": 2,
        "rate": 0.5,
        "on": True,
        "name": "a",
        "inner": {"list": [1, 2], "tuple": (3,), "none": None},
    }
    got = plain(given)
    assert got == wanted
    assert json.loads(json.dumps(got))["inner"]["list"] == [1, 2]
    assert type(got["on"]) is bool
    array = np.zeros(2)
    assert plain(array) is array


@pytest.mark.parametrize("given", [3, np.int64(3), np.uint8(3), np.array(3)])
def test_a_whole_number_is_one_of_python_or_numpy(given):
    assert whole("size", given, 3, 3) == 3
    assert type(whole("size", given)) is int


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (2.5, "size must be a whole number from 1 to 8, not 2.5"),
        (np.float64(2.0), "not 2.0"),
        (True, "not True"),
        (np.bool_(True), "not True"),
        ("2", "not '2'"),
        (None, "not None"),
        (float("nan"), "not nan"),
        (0, "not 0"),
        (9, "not 9"),
    ],
)
def test_what_is_no_whole_number_in_range_is_named(given, said):
    with pytest.raises(UserError, match=said):
        whole("size", given, 1, 8)


def test_a_seed_lies_where_no_key_repeats():
    assert checked_seed(np.uint32(2**32 - 1)) == 2**32 - 1
    for wrong in (-1, 2**32, 0.5):
        with pytest.raises(UserError, match="seed must be a whole number from 0 to 4294967295"):
            checked_seed(wrong)
