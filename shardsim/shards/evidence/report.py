"""One report on each shard across three views: behaviour, activations and updates.

A view supports a shard, does not support it, contradicts it, or was not taken. A shard is confirmed
where behaviour supports it and so do activations, which takes reading its gate and erasing it by an
intervention, and where nothing contradicts it; conflicting where any view contradicts it, and
unconfirmed otherwise. Updates that raise a shard no more than others is no reason against it: many
kinds of event may have built it.

Axis letters: S agents (seeds) · K shards · Y layers · T checkpoints · Q kinds of event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr

from shardsim.base.statistics import t_interval
from shardsim.shards.evidence.updates import NONE, mean_push
from shardsim.shards.fit.verdict import SHARDS
from shardsim.shards.schema import by_seed

Status = Literal["confirmed", "unconfirmed", "conflicting"]
LEVEL = 0.05  # of the test of updates, shared out over the shards
RARE = 0.05  # of the events: a kind seldomer than this is no shard's own
OWN = 0.3  # a kind of event is a shard's own where its preference for what is reached is this large
MOST = 0.5  # of the seeds
SURE = 2.0  # standard deviations, for one seed alone


class Opinion(NamedTuple):
    """What one kind of evidence says about one shard."""

    says: Literal["supports", "does not support", "contradicts", "not taken"]
    reason: str
    figures: dict[str, Any]


NOT_PATCHED = Opinion("not taken", "no activations to read or erase", {})


class Report(NamedTuple):
    """All views of one shard."""

    status: Status
    behaviour: Opinion
    activations: Opinion
    updates: Opinion

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        views = {name: getattr(self, name) for name in ("behaviour", "activations", "updates")}
        told = {
            name: {"says": view.says, "reason": view.reason, **view.figures}
            for name, view in views.items()
        }
        return {"status": self.status, **told}


def report(behaviour: Opinion, activations: Opinion, updates: Opinion) -> Report:
    """Put the views of one shard together, and say what they come to."""
    if "contradicts" in (behaviour.says, activations.says, updates.says):
        status = "conflicting"
    elif behaviour.says == activations.says == "supports":
        status = "confirmed"
    else:
        status = "unconfirmed"
    return Report(status, behaviour, activations, updates)


def behaviour_view(verdict: str, held: np.ndarray, margin: float) -> Opinion:
    """Say what the decisions say.

    Args:
      verdict: of the run.
      held: bool[S], whether each seed's own fit has the shard.
      margin: mean over seeds.
    """
    part = float(np.mean(held))
    figures = {"seeds": part, "margin": float(margin)}
    if verdict != SHARDS:
        return Opinion("does not support", f"the verdict is '{verdict}'", figures)
    if part <= MOST:
        reason = f"found in only {_of(part, held.size)} seeds when each is fitted alone"
        return Opinion("does not support", reason, figures)
    reason = f"found in {_of(part, held.size)} seeds when each is fitted alone"
    return Opinion("supports", reason, figures)


def activation_view(
    readable: np.ndarray, specific: np.ndarray, erases_another: np.ndarray
) -> Opinion:
    """Say what the activations say of one shard, read and erased.

    Args:
      readable: bool[S], whether some layer reads the gate better than chance.
      specific: bool[S], whether in some layer erasing the shard removes it, and it alone.
      erases_another: bool[S], whether in every layer erasing it removes another shard more.
    """
    count, wrong = len(readable), float(erases_another.mean())
    both = float((readable & specific).mean())
    figures = {
        "readable": float(readable.mean()),
        "specific": float(specific.mean()),
        "erases_another": wrong,
    }
    if wrong > MOST:
        reason = "in every layer, erasing its reading removes another shard more"
        return Opinion("contradicts", f"{reason} ({_of(wrong, count)} seeds)", figures)
    if both > MOST:
        reason = f"its gate can be read and selectively erased in {_of(both, count)} seeds"
        return Opinion("supports", reason, figures)
    reason = (
        f"its gate can be read in {_of(readable.mean(), count)} seeds and selectively erased in "
        f"{_of(specific.mean(), count)}"
    )
    return Opinion("does not support", reason, figures)


def updates_view(data: xr.Dataset, shard: int) -> Opinion:
    """Say what the updates of a shard's own events did to it.

    Args:
      data: the table of the shards.
      shard: its place, k.
    """
    if "update_push" not in data:
        return Opinion("not taken", "no checkpoints of training, or no reinforcement events", {})
    own = own_kind(data, shard)
    if own is None:
        reason = "no frequent reinforcement event pays at what it pushes for"
        return Opinion("does not support", reason, {"p_value": None, "event": None})
    push, p_values = pushes(data, own)[:, shard], data["update_p_value"]
    p_value = float(p_values.transpose("event_kind", "shard").values[own, shard])
    event, mean = str(data["event_kind"].values[own]), float(push.mean())
    figures = {"p_value": p_value, "event": event, "push": mean}
    if _surely_below_zero(push):
        reason = f"updates from its own reinforcement events ({event}) weaken it (push {mean:+.2f})"
        return Opinion("contradicts", reason, figures)
    if p_value <= LEVEL / data.sizes["shard"]:
        reason = f"updates from its own reinforcement events ({event}) strengthen it selectively"
        return Opinion("supports", f"{reason} (p = {p_value:.3g})", figures)
    reason = f"updates from its own reinforcement events ({event}) do not strengthen it selectively"
    return Opinion("does not support", f"{reason} (p = {p_value:.3g})", figures)


def own_kind(data: xr.Dataset, shard: int) -> int | None:
    """Return the place of the kind of event whose concepts a shard is for or against, or None."""
    preference = data["preferences"].transpose("shard", "concept").values[shard]
    score = np.abs(data["event_reached"].transpose("event_kind", "concept").values @ preference)
    counts = by_seed(data, "event_counts").sum((0, 1))
    common = (counts >= RARE * counts.sum()) & (data["event_kind"].values != NONE)
    score = np.where(common, score, 0.0)
    return int(score.argmax()) if score.max() > OWN else None


def pushes(data: xr.Dataset, kind: int) -> np.ndarray:
    """Return float64[S, K]: what a kind's mean update does to shards, mean over checkpoints."""
    return mean_push(np.moveaxis(by_seed(data, "update_push")[:, :, kind], 1, 0))


def _surely_below_zero(push: np.ndarray) -> bool:
    if len(push) == 1:
        return bool(push[0] < -SURE)
    return bool(t_interval(push).high < 0)


def _of(part: float, count: int) -> str:
    return f"{round(float(part) * count)} of {count}"


def counted(reports: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many of plain reports have each status."""
    said = [one["status"] for one in reports]
    return {name: said.count(name) for name in ("confirmed", "unconfirmed", "conflicting")}
