"""Asking agents over a battery, and again where the hypotheses that stand differ most.

Axis letters: S agents (seeds).
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from shardsim.base.parallel import each
from shardsim.base.progress import SILENT, Progress
from shardsim.shards import decide, values
from shardsim.shards.active.add_contexts import proposed, unsure, usual_size
from shardsim.shards.active.propose import Proposal, enlarged
from shardsim.shards.agents import Agents, Answers
from shardsim.shards.config import IdentifyConfig
from shardsim.shards.contexts.battery import Battery
from shardsim.shards.fit.data import DecisionData, are_many, decisions_on
from shardsim.shards.fit.dictionary import common_preferences, margins, match
from shardsim.shards.fit.fit import ModelFit, fit
from shardsim.shards.fit.verdict import verdict_of


class Asked(NamedTuple):
    """Agents asked over a battery, and each fitted by itself."""

    on: Battery
    answers: Answers
    data: list[DecisionData]  # S
    own: list[ModelFit]  # S
    proposal: Proposal | None = None  # contexts that separate what stood after the first fit
    before: Asked | None = None  # what was asked and fitted before they were added


def ask(agents: Agents, on: Battery, config: IdentifyConfig, progress: Progress = SILENT) -> Asked:
    """Ask every agent in every context, and fit each by itself."""
    answers = respond(agents, on)
    data = [decisions_on(on, logits) for logits in answers.logits]
    one = partial(fit, max_shards=config.max_shards, seed=config.seed)
    own = each(one, data, progress, processes=are_many(data))
    return Asked(on, answers, data, own)


def respond(agents: Agents, on: Battery) -> Answers:
    """Return what agents say in every context of a battery."""
    return agents.respond(on.states, on.observations)


def asked_where_it_matters(
    agents: Agents,
    main: Battery,
    config: IdentifyConfig,
    suggest: bool,
    progress: Progress = SILENT,
) -> Asked:
    """Ask and fit; where the config wants contexts added, ask and fit again.

    With `suggest`, contexts that would help are named where an agent is unsure and none are added.
    """
    once, again = 10.0, 10.0 if config.refine else 0.0
    progress.plan({"each agent": once, "contexts that separate": 1.0, "each agent again": again})
    with progress.part("each agent") as part:
        asked = ask(agents, main, config, part)
    if not config.refine and not (suggest and any(unsure(one) for one in asked.own)):
        return asked
    size = config.refine or usual_size(main.size)
    with progress.part("contexts that separate"):
        proposal = proposed(asked.own, asked.data, main, size=size, seed=config.seed)
    if proposal is None or not config.refine:
        return asked._replace(proposal=proposal)
    with progress.part("each agent again") as part:
        again = ask(agents, enlarged(main, proposal.battery), config, part)
    return again._replace(proposal=proposal, before=asked)


def separation(asked: Asked, threshold: float, config: IdentifyConfig) -> dict[str, Any]:
    """Which hypotheses stood after the first fit, and what was found before contexts were added.

    `threshold` is the largest mean shardness of a null on the battery of before.
    """
    proposal, before = asked.proposal, asked.before
    if proposal is None:
        return {}
    size, rows = proposal.battery.size, proposal.table()
    if before is None:
        return {"separable": {"contexts": size, "hypotheses": rows}}
    first = common_preferences(before.own, max_shards=config.max_shards, seed=config.seed)
    matches = [match(first, one.preferences) for one in before.own]
    stood = values.of_fits(before.own, before.data)
    shardness = decide.shardness_of(stood["shardness_by_level"])
    said = [one.verdict for one in before.own]
    return {
        "refined": {
            "contexts": size,
            "verdict_before": verdict_of(
                said, shardness, float(stood["explained"].mean()), threshold, len(first)
            ),
            "num_shards_before": len(first),
            "shardness_before": float(shardness.mean),
            "margin_before": margins(before.own, matches, len(first)).mean(0).tolist(),
            "hypotheses": rows,
        }
    }
