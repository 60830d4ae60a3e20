"""One rule for seeds at every public entry: whole numbers from 0 to 2³² - 1, else one line."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from pydantic import ValidationError

from shardsim.agent.config import TrainConfig
from shardsim.agent.train import seed_keys
from shardsim.base.errors import UserError
from shardsim.base.seeds import SEEDS, checked_seed
from shardsim.bench import reflection, reward_cases, shards
from shardsim.env.check import check_env
from shardsim.env.game import Game
from shardsim.env.gymnasium import GridworldEnv
from shardsim.env.gymnasium_vector import GridworldVectorEnv
from shardsim.env.registry import make
from shardsim.reflection.reflect import reflect
from shardsim.shards.contexts.battery import Battery, battery
from shardsim.shards.identify import identify
from shardsim.shards.shardset import ShardSet
from shardsim.studies.object_vectors import vector_cases

ENV = make("cheese-corner", height=5, width=5)
NO_BATTERY, NO_SHARDS = object.__new__(Battery), object.__new__(ShardSet)  # nothing reads them
ENTRIES = {
    "battery": lambda seed: battery(ENV, 10, seed=seed),
    "check_env": lambda seed: check_env(ENV, seed=seed),
    "identify": lambda seed: identify(lambda seen: seen, NO_BATTERY, seed=seed),
    "reflect": lambda seed: reflect(NO_SHARDS, NO_BATTERY, model="replicator", seed=seed),
    "one world": lambda seed: GridworldEnv(ENV).reset(seed=seed),
    "many worlds": lambda seed: GridworldVectorEnv(ENV, 2).reset(seed=seed),
    "a list": lambda seed: GridworldVectorEnv(ENV, 2).reset(seed=[seed, 0]),
    "play": lambda seed: Game(ENV, level_seed=seed),
    "planted agents": lambda seed: shards.benchmark(seed=seed),
    "paid agents": lambda seed: reward_cases.benchmark(seed=seed),
    "closed forms": lambda seed: reflection.benchmark(seed=seed),
    "vectors": lambda seed: vector_cases(ENV, "cheese", "corner", seed=seed),
}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("seed", [-1, SEEDS, SEEDS + 5])
def test_every_entry_refuses_a_seed_that_no_key_can_hold(entry, seed):
    with pytest.raises(UserError, match=rf"seed must be a whole number from 0 to .*, not {seed}$"):
        ENTRIES[entry](seed)


@pytest.mark.parametrize("seed", [True, 1.0, "1", None, np.float32(2)])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(UserError, match=r"^level_seed must be a whole number from 0 to 9, not "):
        checked_seed(seed, "level_seed", below=10)
    assert checked_seed(np.int64(9), below=10) == 9


def test_seeds_counted_from_the_last_would_begin_again_and_are_refused():
    with pytest.raises(UserError, match="seed must be"):
        GridworldVectorEnv(ENV, 2).reset(seed=SEEDS - 1)
    with pytest.raises(ValidationError, match="first_seed"):
        TrainConfig(first_seed=SEEDS - 1, seeds=2)
    keys = seed_keys(TrainConfig(first_seed=SEEDS - 2, seeds=2), jax.random.key(0))
    assert len(np.unique(jax.random.key_data(keys), axis=0)) == 2
