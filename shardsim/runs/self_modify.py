"""What a run's agents would turn themselves into, as tables and plain values."""

from __future__ import annotations

from collections import Counter
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
from shardsim.reflection.setting import Subjects
from shardsim.runs.run import Run
from shardsim.runs.stages.identify import agents_of

LEVELS = 16
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
    networks, config = agents_of(run), run.config.reflect
    training, discount = run.battery("held-out"), run.config.train.discount
    subjects = Subjects(run.env, run.shards, networks, training, discount)
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
    able = np.flatnonzero(most > MERGE)
    if (most - least <= MERGE).all():
        parts = [f"{names[m]} {100 * most[m]:.0f}\N{NO-BREAK SPACE}%" for m in able]
        return names[able[0]] if len(able) == 1 else ", ".join(parts)
    if len(able) == len(names):
        return "any option"
    return " or ".join(names[m] for m in able) if len(able) < 3 else f"any of {len(able)} options"


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
    }


def _by_shard(shards: list[str], values: np.ndarray) -> list[dict[str, Any]]:
    """Return the interval over seeds of float64[K, D], by shard."""
    return [
        {"shard": name, **plain_interval(row)} for name, row in zip(shards, values, strict=True)
    ]


def _choices(here: xr.Dataset) -> dict[str, dict[str, int]]:
    """Return model -> what is chosen -> in how many seeds, the most frequent first."""
    names = [str(name) for name in here["option"].values]
    most, least = (
        here[name].transpose("model", "seed", "option").values
        for name in ("chosen_most", "chosen_least")
    )
    return {
        str(model): dict(
            Counter(chosen(*pair, names) for pair in zip(most[m], least[m], strict=True))
            .most_common()
        )
        for m, model in enumerate(here["model"].values)
    }  # fmt: skip


def _told(found: Deeds) -> dict[str, Any]:
    """Return deeds: of planners their mean over levels, of agents the interval over seeds."""
    planners = {
        name: dict(zip(found.names, row.mean(0).tolist(), strict=True))
        for name, row in zip(EVALUATORS, found.planners, strict=True)
    }
    by_seed = found.agents.mean(1)  # [D, X]
    known = np.isfinite(by_seed).all(0)
    agents = {
        name: plain_interval(by_seed[:, column])
        for column, name in enumerate(found.names)
        if known[column]
    }
    return {"levels": found.planners.shape[1], "evaluators": planners, "agents": agents}
