"""What can be compared: each result says how to read one number a seed from a run.

A result is a family: `share.target` has a part for each shard, `share.target.corner`. To add one,
write a line where those of its stage are; a part that a run does not have is missing there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from shardsim.agent.evaluation import is_ratio, normalised_regret
from shardsim.base.errors import UserError
from shardsim.base.statistics import SHARE, Bounds
from shardsim.reflection.config import leading
from shardsim.runs.figure_data import outcomes
from shardsim.runs.figure_data.stability import models_of
from shardsim.runs.run import Run
from shardsim.shards.schema import by_seed

Parts = Mapping[str, Any]  # name of a part, "" where there is one -> f[K], a number a seed
TARGET, HELD_OUT = "target", "held-out"


class Result(NamedTuple):
    """One family of results."""

    name: str
    words: str  # what it is, for an axis
    unit: str  # "1" of what has none
    read: Callable[[Run], Parts]
    shown: bool = False  # where no result is asked for
    within: Bounds | None = None  # what a mean of it cannot leave
    is_yes: bool = False  # zeros and ones, whose mean is a part of the seeds
    by_run: bool = False  # f[1], one number a run; the run is the unit then
    or_none: bool = False  # a part that a run has not is 0 there, as for a verdict's words
    stage: str = ""  # that finds it
    of_class: bool = False  # parts begin with a class of onsets, without which a run has nothing


def _return(run: Run, split: str) -> Parts:
    last = [part[:, -1] for part in run.returns(split)]
    if not is_ratio(last[1]):
        raise UserError(f"the optimum of {run.path} is not positive; compare regret.{split}")
    return {"": last[0] / last[1]}


def _regret(run: Run, split: str) -> Parts:
    return {"": normalised_regret(*(part[:, -1] for part in run.returns(split)))}


def _learner(run: Run) -> Parts:
    last = run.training.isel(checkpoint=-1)
    return {str(name): last[name].values for name in last.data_vars if last[name].dims == ("seed",)}


def _share(run: Run, battery: str) -> Parts:
    """Shares by what shards are called; two of one name count together."""
    shares = by_seed(run.shards.dataset.sel(battery=battery), "share")
    found: dict[str, Any] = {}
    for name, share in zip(run.shards.names, shares.T, strict=True):
        found[name] = found.get(name, 0.0) + share
    return found


def _rest(run: Run, battery: str) -> Parts:
    data = run.shards.dataset.sel(battery=battery)["rest_share"]
    return {str(name): data.sel(rest=name).values for name in data["rest"].values}


def _found(run: Run) -> Parts:
    """Whether a seed has a shard of that name when it is fitted alone."""
    held = by_seed(run.shards.dataset, "held")
    found: dict[str, Any] = {}
    for name, has in zip(run.shards.names, held.T, strict=True):
        found[name] = np.maximum(found.get(name, 0.0), has)
    return found


def _margin(run: Run) -> Parts:
    """The least margin of the shards of a name."""
    found: dict[str, Any] = {}
    for name, margin in zip(run.shards.names, run.shards.margin.T, strict=True):
        found[name] = np.minimum(found.get(name, np.inf), margin)
    return found


def _concept(run: Run) -> Parts:
    """Shares on target levels, divided among the concepts that the shards are for."""
    return dict(zip(run.shards.concepts, run.shards.concept_shares(TARGET).T, strict=True))


def _bits(run: Run) -> Parts:
    data = run.shards.dataset["bits"].transpose("model", "seed")
    return {
        str(name): values for name, values in zip(data["model"].values, data.values, strict=True)
    }


def _words(words: Any) -> Parts:
    """Zeros and ones for each word that occurs."""
    words = np.asarray(words, dtype=str)
    return {str(word): (words == word).astype(np.float64) for word in np.unique(words)}


def _value_change(run: Run) -> Parts:
    """Change of each shard's value on target levels, by class of onsets, under the first model.

    Of two shards of one name it is that of the one whose value changed most, whichever way.
    """
    data = outcomes.chosen(run)["value_change"].sel(place=TARGET)
    data = data.sel(model=leading(run.config.reflect.models))
    found: dict[str, Any] = {}
    for onset in map(str, data["onset"].values):
        for number, name in enumerate(run.shards.names):
            change = data.sel(onset=onset).isel(shard=number).values
            known = found.get(f"{onset}.{name}", change)
            is_more = np.isnan(known) | (np.abs(change) > np.abs(known))
            found[f"{onset}.{name}"] = np.where(is_more, change, known)
    return found


def _first(run: Run) -> Parts:
    """What is reached first after reflection less before it, from the onsets."""
    data = outcomes.chosen(run)["hit"].sel(model=leading(run.config.reflect.models))
    moved = data.isel(step=-1) - data.isel(step=0)
    return {
        f"{onset}.{name}": moved.sel(onset=onset, outcome=name).values
        for onset in map(str, moved["onset"].values)
        for name in map(str, moved["outcome"].values)
    }


def _constancy(run: Run) -> Parts:
    found = run.json("reflection.json")["constancy"]
    return {f"{kind}.{said}": np.ones(1) for kind, said in found.items()}


def _verdict_by_distance(run: Run) -> Parts:
    said = outcomes.reflected(run)["distance_verdict"]
    said = said.sel(model=leading(run.config.reflect.models))
    return {
        f"{kind}.{word}": np.ones(1)
        for kind, word in zip(said["kind"].values, said.values, strict=True)
    }


def _stable_from(run: Run) -> Parts:
    """From when drift, or the outcome, stays within the margin; infinite: not in this run."""
    table = run.stability
    data = table["stable_from"].sel(model=models_of(table)[0])
    return {
        f"{question}.{kind}": data.sel(question=question, kind=kind).values
        for question in map(str, data["question"].values)
        for kind in map(str, data["kind"].values)
    }


def _is_stable(run: Run) -> Parts:
    """Whether it is so from some checkpoint on; NaN where a seed has no context of the class."""
    found = _stable_from(run)
    return {name: np.where(np.isnan(at), np.nan, np.isfinite(at)) for name, at in found.items()}


def _diagnosis(run: Run) -> Parts:
    found = run.diagnosis
    if not found["seeds"]:
        raise UserError(next(iter(found["notes"]), f"{run.path} is not diagnosed by seed"))
    return _words(found["seeds"])


RATIO, BITS, INFLUENCE = "return ÷ optimal return", "bits per decision", "share of influence"
CHANGE: Bounds = (-1.0, 1.0)
BEST: Bounds = (-np.inf, 1.0)
POSITIVE: Bounds = (0.0, np.inf)

_TRAIN = (
    Result("return.held-out", RATIO, "1", lambda run: _return(run, HELD_OUT), True, BEST),
    Result("return.target", RATIO, "1", lambda run: _return(run, TARGET), True, BEST),
    Result("return.train", RATIO, "1", lambda run: _return(run, "train"), False, BEST),
    Result("regret.held-out", "regret", "1", lambda run: _regret(run, HELD_OUT), within=SHARE),
    Result("regret.target", "regret", "1", lambda run: _regret(run, TARGET), within=SHARE),
    Result("learner", "mean of the last chunk", "as in training.nc", _learner),
)  # fmt: skip

_IDENTIFY = (
    Result("share.target", INFLUENCE, "1", lambda run: _share(run, TARGET), True, SHARE),
    Result("share.held-out", INFLUENCE, "1", lambda run: _share(run, HELD_OUT), False, SHARE),
    Result("rest.target", INFLUENCE, "1", lambda run: _rest(run, TARGET), False, SHARE),
    Result("rest.held-out", INFLUENCE, "1", lambda run: _rest(run, HELD_OUT), False, SHARE),
    Result("concept.target", INFLUENCE, "1", _concept, False, SHARE),
    Result("shardness", "best rival − shards", BITS, lambda run: {"": run.shards.shardness}, True),
    Result("explained", "fraction explained", "1", lambda run: {"": run.shards.explained}, True),
    Result(
        "found", "seeds with the shard when fitted alone", "part of seeds", _found,
        True, SHARE, is_yes=True, or_none=True,
    ),
    Result("margin", "margin", "1", _margin),
    Result("bits", "held-out cross-entropy", BITS, _bits, within=POSITIVE),
    Result(
        "shards", "shards in the run", "number", lambda run: {"": [run.shards.num_shards]}, True,
        POSITIVE, by_run=True,
    ),
    Result(
        "verdict", "runs with the verdict", "part of runs",
        lambda run: _words([run.shards.verdict]), False, SHARE,
        is_yes=True, by_run=True, or_none=True,
    ),
    Result(
        "own-verdict", "seeds with the verdict when fitted alone", "part of seeds",
        lambda run: _words(run.shards.dataset["own_verdict"].values), False, SHARE,
        is_yes=True, or_none=True,
    ),
)  # fmt: skip

_REFLECT = (
    Result("value-change", "change of the shard's value", "its range", _value_change, True, CHANGE),
    Result("first-change", "change of P(reached first)", "1", _first, False, CHANGE),
    Result(
        "constancy", "runs with the verdict", "part of runs", _constancy,
        False, SHARE, is_yes=True, by_run=True, or_none=True, of_class=True,
    ),
    Result(
        "verdict-by-distance", "runs with the verdict by distance", "part of runs",
        _verdict_by_distance, False, SHARE, is_yes=True, by_run=True, or_none=True, of_class=True,
    ),
    Result(
        "stable", "seeds that are stable from some checkpoint on", "part of seeds",
        _is_stable, False, SHARE, is_yes=True,
    ),
    Result(
        "stable-from", "first checkpoint from which on it is stable", "env steps",
        _stable_from, False, POSITIVE,
    ),
)  # fmt: skip

_DIAGNOSE = (
    Result(
        "diagnosis", "seeds with the diagnosis", "part of seeds",
        _diagnosis, True, SHARE, is_yes=True, or_none=True,
    ),
)  # fmt: skip

RESULTS = tuple(
    one._replace(stage=stage)
    for stage, found in (
        ("train", _TRAIN),
        ("identify", _IDENTIFY),
        ("reflect", _REFLECT),
        ("diagnose", _DIAGNOSE),
    )
    for one in found
)


def full_name(family: str, part: str) -> str:
    """`family.part`, or the family alone."""
    return f"{family}.{part}" if part else family
