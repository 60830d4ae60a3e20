"""What cannot fit in memory is refused before it begins; what fits is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardsim.base.errors import UserError
from shardsim.runs import memory
from shardsim.runs.config import make_env, resolve
from shardsim.runs.memory import available, identification, training
from shardsim.runs.pipeline import run
from shardsim.runs.sweep.grid import points
from shardsim.runs.sweep.index import extend
from shardsim.runs.toml import read_config
from tests.tiny import TINY

GIB = 2**30


def parts(estimate, *words: str) -> dict[str, int]:
    """What a config's estimate says, by part, in bytes."""
    config = resolve(read_config(TINY, words))
    return {part.what: part.bytes for part in estimate(make_env(config.env), config)}


def test_each_part_grows_with_its_own_setting() -> None:
    usual = parts(training)
    assert parts(training, "train.bank_levels=64")["levels"] == 2 * usual["levels"]
    assert parts(training, "train.num_envs=32")["rollouts"] == 2 * usual["rollouts"]
    assert parts(training, "train.evaluation_levels=16") == usual | {
        "exact evaluation": 2 * usual["exact evaluation"]
    }
    # 12 hidden units see 9 x 9 cells of 4 planes, and 4 actions and a value see them.
    parameters = 4 * (9 * 9 * 4 * 12 + 12 + 12 * 4 + 4 + 12 + 1)
    assert usual["networks"] == 2 * parameters * 15
    more = parts(identification, "identify.target_contexts=20000")
    assert more["batteries"] == 2 * parts(identification)["batteries"]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("train.bank_levels=2000000000", "train needs at least .* for levels.*lower train.bank_le"),
        ("train.num_envs=100000000", "for rollouts.*lower train.num_envs or train.rollout_steps"),
        ("train.network.widths=[4096, 4096]", "for networks.*lower train.network.widths"),
        ("train.evaluation_levels=1000000000", "for exact evaluation.*lower train.evaluation_le"),
        ("identify.target_contexts=900000000", "identify needs .*lower identify.target_contexts"),
    ],
)
def test_what_cannot_fit_is_refused_and_nothing_written(
    tmp_path: Path, monkeypatch, word: str, said: str
) -> None:
    monkeypatch.setattr(memory, "available", lambda: (2 * GIB, "this machine"))
    with pytest.raises(UserError, match=f"{said}.*, or train.seeds"):
        run(TINY, tmp_path / "run", [word])
    with pytest.raises(UserError, match=r"this machine has 2\.0 GiB"):
        extend(tmp_path / "sweep", points(TINY, [word, "train.entropy=0.01,0.02"]), "report")
    assert list(tmp_path.iterdir()) == []


def test_a_limit_of_the_container_stands_before_the_machine(tmp_path: Path, monkeypatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "CGROUP", limit)
    here, where = available()
    assert where == "this machine" and here > GIB // 4
    limit.write_text("max\n")
    assert available() == (here, where)
    limit.write_text("1000000\n")
    assert available() == (1_000_000, "this container")
