"""Names of the models that are fitted to an agent's decisions, as tables and text show them."""

from __future__ import annotations

HABITS, AFFORDANCE = "habits", "habits and affordance"
UTILITY, GAIN = "one utility", "utility with gain"
PLANNER, REWARD = "planner with gain", "one reward, planned exactly"
STEEP, ONE_GOAL = "steep discounting", "one goal at a time"
SHARDS = "shards"
CEILING, PERMUTED = "ceiling", "ceiling permuted"
RIVALS = (UTILITY, GAIN, PLANNER, STEEP, ONE_GOAL, REWARD)
MODELS = (HABITS, AFFORDANCE, *RIVALS, SHARDS, CEILING, PERMUTED)
ENTROPY = "agent entropy"  # no model: what no model can go below, beside them in tables
