"""What a run's agents would turn themselves into, as tables and plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from shardsim.base.errors import UserError
from shardsim.base.progress import SILENT, Progress
from shardsim.base.scalars import Whole, whole
from shardsim.base.statistics import plain_interval
from shardsim.reflection.models.evaluators import EVALUATORS
from shardsim.reflection.models.problem import MERGE
from shardsim.reflection.planners import Deeds, planned
from shardsim.reflection.self_modify import GROWTH
from shardsim.reflection.self_modify import self_modify as offer
from shardsim.runs.agents import subjects_of
from shardsim.runs.run import Run

LEVELS = 32
COSTS = {"menus": 20.0, "planners": 10.0}


class SelfModification(NamedTuple):
    """What agents choose, and in worlds that change who plans what planners do there."""

    dataset: xr.Dataset  # as `shardsim.reflection.schema.SELF_MODIFICATION` has it
    planners: Deeds | None  # None where nothing in the world changes how an agent acts

    @property
    def summary(self) -> dict[str, Any]:
        """Plain values: by onset the judges, the gains and what each model chooses by seed."""
        told = {
            str(onset): _onset(self.dataset.sel(onset=onset))
            for onset in self.dataset["onset"].values
        }
        return {"onsets": told, "planners": None if self.planners is None else _told(self.planners)}


def self_modify(
    run: Run,
    onset: str = "",
    *,
    growth: float = GROWTH,
    levels: Whole = LEVELS,
    progress: Progress = SILENT,
) -> SelfModification:
    """Offer the agents of a run a menu of self-modifications, and say what each model chooses.

    Nothing is trained or written: the policy after every option is known exactly, and so is what
    each shard would gain by it, judged by realistic, hedonistic and ignorant evaluators (Everitt,
    Filan, Daswani & Hutter 2016, "Self-modification of policy and utility function in rational
    agents"). `docs/reflection.md` lists the options.

    Args:
        run: one whose shards are identified.
        onset: only this one; all by default.
        growth: factor by which `strengthen` multiplies a shard's weight, above 0.
        levels: target levels on which planners are followed, in worlds that change who plans.
        progress: where to say how far it is.

    Raises:
        UserError: no shard, no such onset, or a number out of its range.
    """
    levels = whole("levels", levels, 1)
    subjects, config = subjects_of(run), run.config.reflect
    networks = subjects.networks
    seed = run.config.identify.seed
    if len(run.env.concepts) < 2:
        raise UserError(f"{run.env.name} has one concept, so there is nothing to choose between")
    progress.plan(COSTS)
    with progress.part("menus") as part:
        wanted = (onset,) if onset else ()
        found = offer(subjects, config, onsets=wanted, growth=growth, seed=seed, progress=part)
    if run.env.self_change is None:
        return SelfModification(found, None)
    with progress.part("planners"):
        how = {"discount": config.discount, "networks": networks, "seed": seed}
        return SelfModification(found, planned(run.env, levels, **how))


def chosen(most: np.ndarray, least: np.ndarray, names: list[str]) -> str:
    """Say in words what one agent chooses: float64[M] parts of the options over the branches."""
    able = [names[m] for m in np.flatnonzero(most > MERGE)]
    if (most - least <= MERGE).all():
        return " with ".join(able)  # of a lottery, or the one that is chosen
    if len(able) == len(names):
        return "any option"
    return " or ".join(able) if len(able) < 3 else "any of several options"


def _onset(here: xr.Dataset) -> dict[str, Any]:
    known = here.isel(seed=np.flatnonzero(here["contexts"].values > 0))
    shards = known["shard_name"].values.tolist()
    if not known.sizes["seed"]:
        return {"contexts": here["contexts"].values.tolist()}
    by_evaluator = {
        name: known["gain"].sel(evaluator=name).transpose("option", "shard", "seed")
        for name in EVALUATORS
    }
    by_evaluator["shuffled shards"] = known["gain_shuffled"].transpose("option", "shard", "seed")
    return {
        "contexts": here["contexts"].values.tolist(),
        "judges": _by_shard(shards, known["judge"].transpose("shard", "seed").values),
        "growth": _by_shard(shards, known["growth"].transpose("shard", "seed").values),
        "gains": {
            name: {
                str(option): _by_shard(shards, table.sel(option=option).values)
                for option in known["option"].values
                if np.isfinite(table.sel(option=option).values).all()
            }
            for name, table in by_evaluator.items()
        },
        "choices": {name: _choices(known.sel(evaluator=name)) for name in EVALUATORS},
        "differ": _differ(known),
    }


def _by_shard(shards: list[str], values: np.ndarray) -> list[dict[str, Any]]:
    """Return the interval over seeds of float64[K, D], by shard."""
    return [
        {"shard": name, **plain_interval(row)} for name, row in zip(shards, values, strict=True)
    ]


def _choices(here: xr.Dataset) -> dict[str, list[dict[str, Any]]]:
    """Return by model what is chosen, in how many seeds and, of a lottery, by what chances."""
    names = [str(name) for name in here["option"].values]
    told = {}
    for model in map(str, here["model"].values):
        most, least = _parts(here.sel(model=model))
        said = [chosen(*pair, names) for pair in zip(most, least, strict=True)]
        told[model] = []
        for words, seeds in Counter(said).most_common():
            alike = np.array([one == words for one in said])
            mean = most[alike].mean(0)
            one = {"chosen": words, "seeds": seeds}
            if " with " in words:
                one["chances"] = {names[m]: float(mean[m]) for m in np.flatnonzero(mean > MERGE)}
            told[model].append(one)
    return told


def _parts(here: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the greatest and the least part of each option in any branch: float64[D, M] each."""
    names = ("chosen_most", "chosen_least")
    most, least = (here[name].transpose("seed", "option").values for name in names)
    return most, least


def _differ(known: xr.Dataset) -> dict[str, dict[str, int]]:
    """Return in how many seeds all evaluators differ under each model, and models by evaluator."""
    able = (known["chosen_most"] > MERGE).transpose("evaluator", "model", "seed", "option").values
    evaluators, models = range(able.shape[0]), range(able.shape[1])
    apart = [
        sum(len({tuple(able[e, m, d]) for e in evaluators}) == len(evaluators)
            for d in range(able.shape[2]))
        for m in models
    ]  # fmt: skip
    several = [
        sum(len({tuple(able[e, m, d]) for m in models}) > 1 for d in range(able.shape[2]))
        for e in evaluators
    ]
    return {
        "evaluators": dict(zip(map(str, known["model"].values), apart, strict=True)),
        "models": dict(zip(map(str, known["evaluator"].values), several, strict=True)),
    }


def _told(found: Deeds) -> dict[str, Any]:
    """Return deeds: of planners their mean over levels, of agents the interval over seeds."""
    planners = {
        name: dict(zip(found.names, row.mean(0).tolist(), strict=True))
        for name, row in zip(EVALUATORS, found.planners, strict=True)
    }
    return {
        "levels": found.planners.shape[1],
        "evaluators": planners,
        "agents": _by_deed(found.names, found.agents),
        "untrained": _by_deed(found.names, found.untrained),
    }


def _by_deed(names: Sequence[str], deeds: np.ndarray) -> dict[str, dict[str, float]]:
    """Return the interval over seeds of float64[D, L, X], where it is known."""
    by_seed = deeds.mean(1)
    known = np.isfinite(by_seed).all(0) & bool(len(by_seed))
    return {
        name: plain_interval(by_seed[:, column])
        for column, name in enumerate(names)
        if known[column]
    }
