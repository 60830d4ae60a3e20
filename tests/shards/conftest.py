"""A small world and batteries of it, made once for all tests of shards."""

from __future__ import annotations

import pytest

from shardsim.env.core import Env
from shardsim.env.registry import make
from shardsim.shards.battery import Battery, battery


@pytest.fixture(scope="session")
def corner_env() -> Env:
    """A 5x5 cheese-corner maze."""
    return make("cheese-corner", height=5, width=5)


@pytest.fixture(scope="session")
def corner_battery(corner_env) -> Battery:
    """240 contexts of target levels."""
    return battery(corner_env, 240, seed=4)
