"""An env in words: its docstring, concepts and parameters, for whoever lists or opens it."""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import Any

from shardsim.env import parameters
from shardsim.env.core import Env

# A parameter of a class with its comment: `    width: int = 7  # columns`.
_COMMENTED = re.compile(r"^    (\w+): [^=#\n]+ = [^#\n]*  # (.+)$", re.MULTILINE)


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
        "params": parameters.plain(env),
        "meanings": meanings(type(env)),
    }


def meanings(kind: type[Env]) -> dict[str, str]:
    """Say what parameters mean, by name: the comments beside them, where there is a source."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        try:
            found |= dict(_COMMENTED.findall(inspect.getsource(base)))
        except (OSError, TypeError):
            continue
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: comment for name, comment in found.items() if name in names}


def in_words(env: Env) -> str:
    """Say the same as text for a terminal."""
    facts = describe(env)
    concepts = ", ".join(f"{name} ({kind})" for name, kind in facts["concepts"].items())
    said = {name: f"  # {comment}" for name, comment in facts["meanings"].items()}
    params = "\n".join(
        f"  {name} = {value!r}{said.get(name, '')}" for name, value in facts["params"].items()
    )
    return (
        f"{facts['id']}\n\n{facts['about']}\n\n"
        f"Concepts: {concepts}.\nStates: {facts['states']}.\nParameters:\n{params}"
    )
