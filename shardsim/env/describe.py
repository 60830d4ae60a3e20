"""An env in words: its docstring, concepts and parameters, for whoever lists or opens it."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

from shardsim.env.core import Env


def describe(env: Env) -> dict[str, Any]:
    """Say what an env is, as plain values for JSON."""
    return {
        "id": env.name,
        "about": inspect.getdoc(type(env)) or "",
        "actions": list(env.action_names),
        "rewards": list(env.rewards),
        "concepts": {concept.name: concept.kind for concept in env.concepts},
        "observation": list(env.observation_channels),
        "states": env.num_states,
        "params": {field.name: getattr(env, field.name) for field in dataclasses.fields(env)},
    }


def in_words(env: Env) -> str:
    """Say the same as text for a terminal."""
    facts = describe(env)
    concepts = ", ".join(f"{name} ({kind})" for name, kind in facts["concepts"].items())
    params = "\n".join(f"  {name} = {value!r}" for name, value in facts["params"].items())
    return (
        f"{facts['id']}\n\n{facts['about']}\n\n"
        f"Concepts: {concepts}.\nStates: {facts['states']}.\nParameters:\n{params}"
    )
