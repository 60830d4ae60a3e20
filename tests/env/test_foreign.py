"""What all foreign worlds share, without any of their packages."""

from __future__ import annotations

import importlib
import itertools

import numpy as np
import pytest

from shardsim.base.errors import UserError
from shardsim.env import foreign
from shardsim.env.foreign import bank
from shardsim.env.foreign.bank import Snapshot, Thing
from shardsim.env.registry import make


def _snapshot(seed: int, layouts: int, goal: tuple[int, int] | None = None) -> Snapshot:
    """A 5x5 room with one inner wall that depends on `seed`, a goal and a start."""
    walls = np.ones((5, 5), bool)
    walls[1:4, 1:4] = False
    cells = [(1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (3, 1), (3, 2), (3, 3)]
    free = cells[seed % layouts]
    walls[free] = True
    place = goal or next(cell for cell in cells[seed // layouts % 4 :] if cell != free)
    return Snapshot(walls, (Thing("goal", 1, 0, place, True),), (1, 1, seed % 4))


def _built(layouts: int, count: int = 64, **changes) -> bank.Bank:
    asked = {"target": "", "corner_radius": 0} | changes
    return bank.build(
        lambda task: (_snapshot(seed, layouts) for seed in itertools.count()),
        "task",
        count=count,
        **asked,
    )


def _prints(made: bank.Bank, split: str) -> tuple[set[bytes], set[bytes]]:
    level = made.levels
    walls = {level.walls[n].tobytes() for n in made.members[split]}
    whole = {
        b"".join(np.asarray(x[n]).tobytes() for x in (level.walls, level.position, level.start))
        for n in made.members[split]
    }
    return walls, whole


def test_a_missing_extra_is_named_in_one_line(monkeypatch):
    def missing(name: str):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    for family in foreign.FAMILIES:
        foreign.env_class.cache_clear()
        with pytest.raises(UserError, match=rf'pip install "shardsim\[{family}\]"') as caught:
            make(f"{family}:Anything-v0")
        assert "\n" not in str(caught.value)


def test_only_known_prefixes_are_foreign():
    assert foreign.is_foreign("navix:Navix-Empty-5x5-v0")
    assert not foreign.is_foreign("cheese-corner") and not foreign.is_foreign("navix")
    with pytest.raises(UserError, match="no env is called 'elsewhere:x'"):
        make("elsewhere:x")


def test_many_layouts_are_dealt_by_layout_and_few_by_level():
    many, few = _built(8), _built(2)
    assert (many.disjoint_by, few.disjoint_by) == ("layout", "level")
    for made, kind in ((many, 0), (few, 1)):
        seen = [_prints(made, split)[kind] for split in ("train", "held-out", "target")]
        assert all(seen)
        assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])
        sizes = [len(members) for members in made.members.values()]
        assert sizes[0] > sizes[1] and sizes[0] > sizes[2]


def test_a_single_level_serves_all_splits_and_says_so():
    made = bank.build(
        lambda task: (_snapshot(0, 1) for _ in range(50)), "task", "", count=50, corner_radius=0
    )
    assert made.disjoint_by == "nothing"
    assert [len(members) for members in made.members.values()] == [1, 1, 1]


def test_corner_radius_counts_moves_and_leaves_target_levels_free():
    made = _built(8, corner_radius=1, count=16)
    goal = made.levels.position[:, 0, 0]
    steps = np.abs(goal - 1).sum(1)
    assert set(steps[made.members["train"]]) == {1} == set(steps[made.members["held-out"]])
    assert set(steps[made.members["target"]]) - {1}
    with pytest.raises(UserError, match="raise corner_radius"):
        bank.build(
            lambda task: iter([_snapshot(0, 8, (3, 3))]), "task", "", count=4, corner_radius=1
        )


def test_target_levels_can_be_those_of_another_task():
    goals = {"here": (1, 3), "there": (3, 3)}

    def levels(task: str):
        return (_snapshot(seed, 4, goals[task]) for seed in (0, 2, 3, 0))

    made = bank.build(levels, "here", "there", count=4, corner_radius=0)
    goal = made.levels.position[:, 0, 0]
    assert (goal[made.members["train"]] == goals["here"]).all()
    assert (goal[made.members["target"]] == goals["there"]).all()
    assert made.concepts[0] == ("goal", "object", 1) and made.concepts[-1].name == "corner"
