"""Benchmark of the models of reflection: every closed form, at listed and at drawn parameters.

What is expected comes from formulas and small programs in `reflection_cases`, what is found from
`shardsim.reflection`; they share no code.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from shardsim.base.columns import aligned
from shardsim.base.errors import UserError, one_line
from shardsim.base.seeds import checked_seed
from shardsim.bench.reflection_cases import (
    conflicts,
    critics,
    dynamics,
    handshake,
    loops,
    orders,
    selves,
    whisky,
)
from shardsim.bench.reflection_cases.case import TOLERANCE, Case
from shardsim.bench.reflection_cases.given import read_given

PARTS = (conflicts, critics, dynamics, handshake, loops, orders, selves, whisky)
ALL: tuple[Case, ...] = tuple(
    sorted(
        (case for part in PARTS for case in part.CASES),
        key=lambda case: case.number,
    )
)
LISTED = -1  # in place of the number of a draw
SHOWN = 3  # numbers of a row that the table shows


class Line(NamedTuple):
    """One thing expected and found, at listed (`draw` = −1) or drawn parameters."""

    case: int
    name: str
    model: str
    what: str
    draw: int  # LISTED, or the number of the draw, or of what was given
    parameters: dict[str, Any]
    expected: tuple[float, ...]
    found: tuple[float, ...]
    error: float  # absolute below 1, relative above

    @property
    def right(self) -> bool:
        """Whether both agree to 1e-6."""
        return self.error <= TOLERANCE


def benchmark(
    draws: int = 5,
    *,
    seed: int = 0,
    cases: Sequence[int] | None = None,
    given: str | Path | None = None,
    say: Callable[[str], None] = print,
) -> list[Line]:
    """Try every case at its listed parameters and at others drawn from their ranges.

    Args:
      draws: parameters drawn for each case.
      seed: of the draws; a draw does not depend on how many there are.
      cases: numbers of the cases to try; all by default.
      given: a JSON file of cases and parameters to try instead of all these.
      say: where progress goes.

    Raises:
      UserError: a wrong seed, a negative number of draws, an unknown case, or parameters that a
        case cannot take.
    """
    seed = checked_seed(seed)
    if draws < 0:
        raise UserError(f"draws must be 0 or more, not {draws}")
    numbers = {case.number for case in ALL}
    if odd := sorted(set(cases or ()) - numbers):
        raise UserError(f"there is no case {odd[0]}; choose from 1 to {max(numbers)}")
    if given is not None:
        chosen = read_given(given, ALL)
        return [line for n, one in enumerate(chosen) for line in _lines_given(*one, n, say)]
    found = []
    for place, case in enumerate(ALL):
        if cases and case.number not in cases:
            continue
        say(f"case {case.number}: {case.name}")
        rngs = [np.random.default_rng([seed, place, draw]) for draw in range(draws)]
        tried = [(LISTED, one) for one in case.listed]
        tried += [(draw, case.draw(rng)) for draw, rng in enumerate(rngs)]
        found += [line for draw, one in tried for line in _lines(case, one, draw)]
    return found


def _lines(case: Case, parameters: dict[str, Any], draw: int) -> list[Line]:
    return [
        Line(case.number, case.name, row.model, row.what, draw, parameters, row.expected,
             row.found, row.error)
        for row in case.rows(**parameters)
    ]  # fmt: skip


def _lines_given(
    case: Case, parameters: dict[str, Any], draw: int, say: Callable[[str], None]
) -> list[Line]:
    """Return the lines of parameters that a person chose, which may be no parameters at all."""
    say(f"case {case.number}: {parameters}")
    try:
        with np.errstate(all="ignore"):
            return _lines(case, parameters, draw)
    except (ArithmeticError, IndexError, TypeError, ValueError, np.linalg.LinAlgError) as error:
        raise UserError(
            f"case {case.number} cannot be computed for {parameters}: {one_line(error)}; "
            f"parameters look like {case.listed[0]}"
        ) from error


def table(found: Sequence[Line]) -> str:
    """Return a row for each thing that a case says of a model, and how many agree.

    What is expected and found is shown as listed, or where it is missed.
    """
    groups: dict[tuple[int, str, str, str], list[Line]] = {}
    for line in found:
        groups.setdefault((line.case, line.name, line.model, line.what), []).append(line)
    rows = [("case", "model", "what", "expected", "found", "tried", "worst error", "")]
    names: dict[tuple[int, str], None] = {}
    for (case, name, model, what), lines in groups.items():
        names[case, name] = None
        first = max(lines, key=lambda line: (not line.right, line.draw < 0))
        worst = max(line.error for line in lines)
        rows.append((
            str(case), model, what, _numbers(first.expected), _numbers(first.found),
            str(len(lines)), f"{worst:.0e}", "" if worst <= TOLERANCE else "MISSED",
        ))  # fmt: skip
    missed = sum(not line.right for line in found)
    said = "; ".join(f"{number} {name}" for number, name in names)
    return "\n".join([
        *aligned(rows), "", textwrap.fill(f"cases: {said}", 100),
        f"{len(found) - missed} of {len(found)} agree to {TOLERANCE:.0e}"
        + (f"; {missed} missed" if missed else ""),
    ])  # fmt: skip


def _numbers(values: Sequence[float]) -> str:
    shown = " ".join(f"{one:.6g}" for one in values[:SHOWN])
    return shown + (" …" if len(values) > SHOWN else "")
