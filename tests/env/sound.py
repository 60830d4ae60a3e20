"""The sound envs that the broken ones are made of."""

from __future__ import annotations

from pathlib import Path

from shardsim.env.registry import env_class

WORLDS = Path(__file__).parent / "worlds"
Thirst, Slip = env_class("thirst", [WORLDS]), env_class("slip", [WORLDS])
Good = env_class("cheese-corner")
SMALL = {"height": 5, "width": 3, "max_steps": 12}
