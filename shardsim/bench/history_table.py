"""The tables of `bench shards --tier history`: kinds, then models of sequences, then agents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shardsim.base.columns import aligned
from shardsim.bench.history_cases import MODELS, RULE, HistoryLine, right_model
from shardsim.bench.planted.memory import MEMORYLESS_KINDS
from shardsim.bench.shards import CANNOT
from shardsim.bench.shards_table import NONE, part

KIND_HEAD = (
    "planted", "agent", "cases", "gap", "bits there", "bits saved", "says memory", "wrong, reset",
    "wrong, lived", "wrong in the end", "cannot tell", "goals right", "by best model", "cosine",
    "s each",
)  # fmt: skip
MODEL_HEAD = ("model", "cases", "bits, memory", "goals right", "cosine", "bits, no memory")
CASE_HEAD = (
    "agent", "env", "goals", "held", "reset", "lived", "in the end", "gap", "bits there",
    "bits saved", "twin", "goals found",
)  # fmt: skip


def table(found: Sequence[HistoryLine]) -> str:
    """Return rows of kinds and their sums, of models, and every agent by itself.

    Networks that miss what was planted are named below, and scored in no row of kinds or models.
    """
    scored = [line for line in found if line.taught]
    kinds = list(dict.fromkeys((line.kind, line.agent) for line in scored))
    rows = [
        kind_row(kind, agent, [line for line in scored if (line.kind, line.agent) == (kind, agent)])
        for kind, agent in kinds
    ]
    for agent in dict.fromkeys(line.agent for line in scored):
        for name, truth in (("all that remember", True), ("all that do not", False)):
            lines = [line for line in scored if line.agent == agent and line.remembers == truth]
            rows += [kind_row(name, agent, lines)] if lines else []
    models = [model_row(name, scored) for name in ("shards", *MODELS)]
    agents = [case_row(line) for line in found]
    parts = [KIND_HEAD, *rows], [MODEL_HEAD, *models], [CASE_HEAD, *agents]
    text = "\n\n".join("\n".join(aligned(one)) for one in parts)
    missed = [f"{line.kind} {line.number}" for line in found if not line.taught]
    return text + (f"\n\nnot taught, and not scored: {', '.join(missed)}" if missed else "")


def kind_row(name: str, agent: str, lines: Sequence[HistoryLine]) -> tuple[str, ...]:
    """Return the cells of `KIND_HEAD`; goals and cosine by the right model of the family."""
    held = [line for line in lines if holds_goals(line)]
    right = [right_model(line.kind) for line in held]
    return (
        name,
        agent,
        str(len(lines)),
        NONE if agent == RULE else f"{np.mean([line.gap for line in lines]):.3f}",
        f"{np.mean([line.there for line in lines]):.3f}",
        f"{np.mean([line.saved for line in lines]):.3f}",
        part([line.says_memory for line in lines]),
        part([line.reset_wrong for line in lines if line.taught_reset]),
        part([line.lived_wrong for line in lines]),
        part([line.wrong for line in lines]),
        part([line.verdict == CANNOT for line in lines]),
        part([line.states[of] == line.goals for line, of in zip(held, right, strict=True)]),
        part([line.states[best_model(line)] == line.goals for line in held]),
        _mean([line.cosine[of] for line, of in zip(held, right, strict=True)]),
        f"{np.mean([line.seconds for line in lines]):.0f}",
    )


def best_model(line: HistoryLine) -> str:
    """Return the model of goals that predicts held-out choices best, as a user would choose it."""
    return min(line.cosine, key=lambda name: line.bits[name])


def holds_goals(line: HistoryLine) -> bool:
    """Whether it was planted with goals held one at a time, which can be counted."""
    return line.kind not in MEMORYLESS_KINDS[1:]


def model_row(name: str, found: Sequence[HistoryLine]) -> tuple[str, ...]:
    """Return the cells of `MODEL_HEAD`: one model over all agents."""
    held = [line for line in found if line.remembers]
    rest = [line for line in found if not line.remembers]
    counted = [line for line in held if holds_goals(line) and name in line.states]
    return (
        name,
        str(len(found)),
        _mean([line.bits[name] for line in held], 3),
        part([line.states[name] == line.goals for line in counted]) if counted else NONE,
        _mean([line.cosine[name] for line in held if name in line.cosine]),
        _mean([line.bits[name] for line in rest], 3),
    )


def case_row(line: HistoryLine) -> tuple[str, ...]:
    """Return the cells of `CASE_HEAD` for one agent; goals found in the order of `MODELS`.

    Verdicts that are wrong carry an exclamation mark.
    """
    judged = line.reset_wrong and line.taught_reset
    return (
        f"{line.kind} {line.number}, {line.agent}",
        line.env,
        str(line.planted),
        str(line.goals),
        f"{line.reset} {line.found_reset}{_mark(judged)}",
        f"{line.lived} {line.found}{_mark(line.lived_wrong)}",
        f"{line.verdict}{_mark(line.wrong)}",
        NONE if line.agent == RULE else f"{line.gap:.3f}, {line.gap_reset:.3f}",
        f"{line.there:.3f}",
        f"{line.saved:.3f} [{line.low:.3f}, {line.high:.3f}]",
        f"{line.twin:.3f}",
        " ".join(str(line.states[name]) for name in MODELS),
    )


def _mark(wrong: bool) -> str:
    return " !" if wrong else ""


def _mean(values: Sequence[float], digits: int = 2) -> str:
    return f"{np.nanmean(values):.{digits}f}" if values else NONE
