"""What cannot fit in memory is refused before it begins; what fits is not."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

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
    monkeypatch.setattr(memory, "available", lambda stage: (2 * GIB, "this machine"))
    with pytest.raises(UserError, match=f"{said}.*, or train.seeds"):
        run(TINY, tmp_path / "run", [word])
    with pytest.raises(UserError, match=r"this machine has 2\.0 GiB"):
        extend(tmp_path / "sweep", points(TINY, [word, "train.entropy=0.01,0.02"]), "report")
    assert list(tmp_path.iterdir()) == []
    # Another machine does it, which asks for itself.
    extend(tmp_path / "sweep", points(TINY, [word]), "report", done_here=False)
    assert (tmp_path / "sweep" / "index.json").is_file()


def test_settings_of_another_learner_are_those_of_its_own_network() -> None:
    words = ("train.learner=pqn", "train.network.temperature=0.05")
    assert parts(training, *words)["networks"] > 0


class Device(NamedTuple):
    """An accelerator that tells its limit."""

    limit: int | None
    platform: str = "gpu"
    device_kind: str = "H100"

    def memory_stats(self) -> dict[str, int] | None:
        return None if self.limit is None else {"bytes_limit": self.limit}


def test_accelerators_count_together_and_hold_nothing_of_the_host(monkeypatch) -> None:
    monkeypatch.setattr(memory, "_host", lambda: (GIB, "this machine"))
    monkeypatch.setattr(memory.jax, "local_devices", lambda: [Device(GIB), Device(GIB)])
    assert available("train") == (2 * GIB, "all 2 devices H100 together")
    assert available("identify")[0] == 3 * GIB - memory.PROGRAM
    monkeypatch.setattr(memory.jax, "local_devices", lambda: [Device(GIB)])
    assert available("train") == (GIB, "the device H100")
    monkeypatch.setattr(memory.jax, "local_devices", lambda: [Device(None)])
    assert available("train")[0] >= 2**63


def test_a_limit_of_the_container_stands_before_the_machine(tmp_path: Path, monkeypatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "CGROUP", limit)
    here, where = available("train")
    assert where == "this machine" and here > GIB // 4
    limit.write_text("max\n")
    assert available("train") == (here, where)
    limit.write_text(f"{GIB // 2}\n")
    assert available("train") == (GIB // 2 - memory.PROGRAM, "this container")
