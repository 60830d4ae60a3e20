"""One report across the three views of each shard: behaviour, activations and parameters.

A view supports a shard, does not support it, contradicts it, or was not taken. A shard is confirmed
where at least two views were taken and all that were taken support it, conflicting where any of
them contradicts it, and unconfirmed otherwise.

Axis letters: S agents (seeds) · K shards · Y layers · T checkpoints · Q kinds of event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from shardsim.base.statistics import t_interval
from shardsim.shards.evidence.causal import LEAST_EFFECT, Causal
from shardsim.shards.evidence.updates import NONE, ParameterView

Status = Literal["confirmed", "unconfirmed", "conflicting"]
LEVEL = 0.05  # of the test of updates, shared out over the shards
RARE = 0.05  # of the events: a kind seldomer than this is no shard's own
OWN = 0.3  # a kind of event is a shard's own where its preference for what is reached is this large
MOST = 0.5  # of the seeds
SURE = 2.0  # standard deviations, for one seed alone


class Opinion(NamedTuple):
    """What one view says of one shard."""

    says: Literal["supports", "does not support", "contradicts", "not taken"]
    reason: str
    figures: dict[str, Any]


class Report(NamedTuple):
    """All views of one shard."""

    status: Status
    behaviour: Opinion
    activations: Opinion
    parameters: Opinion

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        views = {name: getattr(self, name) for name in ("behaviour", "activations", "parameters")}
        told = {
            name: {"says": view.says, "reason": view.reason, **view.figures}
            for name, view in views.items()
        }
        return {"status": self.status, **told}


def status_of(opinions: list[Opinion]) -> Status:
    """Weigh the opinions of all views on one shard."""
    said = [opinion.says for opinion in opinions]
    if "contradicts" in said:
        return "conflicting"
    taken = [word for word in said if word != "not taken"]
    return "confirmed" if len(taken) > 1 and set(taken) == {"supports"} else "unconfirmed"


def report(behaviour: Opinion, activations: Opinion, parameters: Opinion) -> Report:
    """Put the views of one shard together."""
    views = (behaviour, activations, parameters)
    return Report(status_of(list(views)), *views)


def behaviour_view(verdict: str, held: np.ndarray, margin: float) -> Opinion:
    """Say what the decisions say.

    Args:
      verdict: of the run.
      held: bool[S], whether each seed's own fit has the shard.
      margin: mean over seeds.
    """
    part = float(np.mean(held))
    figures = {"seeds": part, "margin": float(margin)}
    if verdict not in ("shards", "one utility"):
        return Opinion("does not support", f"the verdict on the run is '{verdict}'", figures)
    if part <= MOST:
        reason = f"only {_of(part, held.size)} seeds have it when fitted alone"
        return Opinion("does not support", reason, figures)
    reason = f"{_of(part, held.size)} seeds have it when fitted alone; the verdict is '{verdict}'"
    return Opinion("supports", reason, figures)


def activation_view(
    shard: int, checks: list[Causal] | None, readable: np.ndarray | None
) -> Opinion:
    """Say what the activations say, read and erased.

    Args:
      shard: which one, k.
      checks: of each seed, S; None where there are no activations.
      readable: bool[S, K], whether some layer reads the gate better than chance.
    """
    if checks is None or readable is None:
        return Opinion("not taken", "there are no activations to read or erase", {})
    seen = readable[:, shard]
    specific = np.array([check.specific[:, shard].any() for check in checks])
    wrong = np.array([_erases_another(check, shard) for check in checks])
    figures = {
        "readable": float(seen.mean()),
        "specific": float(specific.mean()),
        "erases_another": float(wrong.mean()),
    }
    count = len(checks)
    if wrong.mean() > MOST:
        reason = "erasing what it is read from removes another shard more, in every layer"
        return Opinion("contradicts", f"{reason} ({_of(wrong.mean(), count)} seeds)", figures)
    if (seen & specific).mean() > MOST:
        reason = f"read and specifically erased in {_of((seen & specific).mean(), count)} seeds"
        return Opinion("supports", reason, figures)
    reason = (
        f"read in {_of(seen.mean(), count)} seeds, specifically erased in "
        f"{_of(specific.mean(), count)}"
    )
    return Opinion("does not support", reason, figures)


def _erases_another(check: Causal, shard: int) -> bool:
    """Whether erasing a shard's directions costs another shard more than itself in every layer."""
    lost = np.abs(check.effect[:, shard])
    others = np.delete(lost, shard, axis=1).max(1, initial=0.0)
    own = check.effect[:, shard, shard]
    chance = check.random[:, shard].max(-1, initial=0.0)
    return bool(np.all(others > np.maximum(np.maximum(own, chance), LEAST_EFFECT)))


def parameter_opinion(shard: int, preferences: np.ndarray, view: ParameterView | None) -> Opinion:
    """Say what the updates of reinforcement events say.

    Args:
      shard: which one, k.
      preferences: float[K, O].
      view: of `parameter_view`; None where no run with checkpoints stands behind the agents.
    """
    if view is None:
        return Opinion("not taken", "there are no checkpoints of training, or no events", {})
    own = own_kind(preferences[shard], view)
    if own is None:
        reason = "no common kind of event pays where it wants to go"
        return Opinion("does not support", reason, {"p_value": None, "event": None})
    p_value, push = float(view.p_value[own, shard]), pushes(view, own)[:, shard]
    event, mean = view.kinds[own], float(push.mean())
    figures = {"p_value": p_value, "event": event, "push": mean}
    if _surely_below_zero(push):
        reason = f"the updates of events paid by {event}, its own, weaken it (push {mean:+.2f})"
        return Opinion("contradicts", reason, figures)
    if p_value <= LEVEL / len(preferences):
        reason = f"the updates of events paid by {event}, its own, raise it, and it above the rest"
        return Opinion("supports", f"{reason} (p = {p_value:.3g})", figures)
    reason = f"the updates of events paid by {event}, its own, raise it no more specifically than"
    return Opinion("does not support", f"{reason} other events' do (p = {p_value:.3g})", figures)


def own_kind(preference: np.ndarray, view: ParameterView) -> int | None:
    """Return the kind of event whose concepts a shard's preference float[O] is for or against."""
    score = np.abs(view.reached @ preference)
    common = view.counts.sum((0, 1)) >= RARE * view.counts.sum()
    score = np.where(common & (np.array(view.kinds) != NONE), score, 0.0)
    return int(score.argmax()) if score.max() > OWN else None


def pushes(view: ParameterView, kind: int) -> np.ndarray:
    """Return float64[S, K]: what a kind's mean update does to shards, mean over checkpoints."""
    values = view.provenance[:, :, kind]
    known = np.isfinite(values)
    return np.where(known, values, 0.0).sum(0) / np.maximum(known.sum(0), 1)


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
