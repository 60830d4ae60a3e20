"""Runs that differ in nothing but their seeds, as one: their seeds count together.

Axes: K seeds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shardsim.base.scalars import Whole
from shardsim.plot.curves import Curves
from shardsim.plot.shares import Distribution
from shardsim.runs.figure_data import results
from shardsim.runs.run import Run

OF_SEEDS = ("seeds", "first_seed")  # of the config's [train]


def groups(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Title -> the titles (`results.titled`) of runs of one config whose seeds are all different.

    A run that shares a seed with another of the same config stays apart: its agents are the same
    ones, so they count once.
    """
    named = results.titled(runs)
    found: list[tuple[str, list[str], set[int]]] = []
    for name, run in named.items():
        config = run.config.model_dump_json(exclude={"train": set(OF_SEEDS)})
        seeds = set(run.seeds)
        for known, members, taken in found:
            if known == config and not taken & seeds:
                members.append(name)
                taken |= seeds
                break
        else:
            found.append((config, [name], seeds))
    if len(found) == 1:
        return {"": found[0][1]}
    return {" + ".join(members): members for _, members, _ in found}


def distributions(runs: Sequence[Run], seed: Whole | None = None) -> dict[str, Distribution]:
    """The shard distribution of each group of runs; with a seed, of that seed of each run.

    Runs whose shards have other names or colours stay apart: they are not the same shards.
    """
    named = results.titled(runs)
    alone = {name: results.distribution(run, seed) for name, run in named.items()}
    if seed is not None:
        return alone
    found: dict[str, Distribution] = {}
    for title, members in groups(runs).items():
        first, *others = (alone[name] for name in members)
        if not all(_same(first, other) for other in others):
            found |= {name: alone[name] for name in members}
            continue
        share = np.concatenate([first.share, *(other.share for other in others)], axis=1)
        battery = first.about.partition(",")[0]
        about = f"{battery}, {results.count_in_words(share.shape[1])}"
        found[title] = first._replace(share=share, about=about)
    return found


def curves(runs: Sequence[Run], battery: str = "", seed: Whole | None = None) -> dict[str, Curves]:
    """Learning curves of each group of runs, as `results.curves` has those of each run."""
    alone = results.curves(results.titled(runs), battery, seed)
    if seed is not None:
        return alone
    found: dict[str, Curves] = {}
    for title, members in groups(runs).items():
        first, *others = (alone[name] for name in members)
        if not all(np.array_equal(first.steps, other.steps) for other in others):
            found |= {name: alone[name] for name in members}
            continue
        ratio = {
            split: np.concatenate([seeds, *(other.ratio[split] for other in others)])
            for split, seeds in first.ratio.items()
        }
        found[title] = first._replace(ratio=ratio)
    return found


def _same(first: Distribution, second: Distribution) -> bool:
    """Whether two runs have shards of the same names, followed at the same steps."""
    return list(first.names) == list(second.names) and np.array_equal(first.steps, second.steps)
