"""Rivals that are one agent with a gain, each on the shards' own terms."""

from __future__ import annotations

from shardsim.shards.fit.models import ONE_GOAL, PLANNER, REWARD, STEEP
from shardsim.shards.fit.rivals import discounting, goal_mixture, planner, soft_optimal
from shardsim.shards.fit.rivals.gained import Rival

RIVALS: dict[str, Rival] = {
    PLANNER: planner.RIVAL,
    STEEP: discounting.RIVAL,
    ONE_GOAL: goal_mixture.RIVAL,
    REWARD: soft_optimal.RIVAL,  # where the data hold their tabular model
}
