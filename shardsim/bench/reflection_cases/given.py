"""Parameters that a person gives for the cases, as a JSON file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shardsim.base.errors import UserError, one_line
from shardsim.base.given import path_of
from shardsim.bench.reflection_cases.case import Case

FORM = '[{"case": 20, "parameters": {"epsilon": 0.01, "gamma": 0.9}}]'


def read_given(file: str | Path, cases: Sequence[Case]) -> list[tuple[Case, dict[str, Any]]]:
    """Read cases with their parameters, each once; what `--json` prints is such a file.

    Raises:
      UserError: the file cannot be read, is of another form, or names a case or parameters that
        there are not.
    """
    path = path_of(file)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {one_line(error)}; give {FORM}") from error
    rows = found.get("lines") if isinstance(found, dict) else found
    if not isinstance(rows, list) or not rows:
        raise UserError(f"{path} holds no list of cases; give {FORM}")
    chosen: list[tuple[Case, dict[str, Any]]] = []
    for one in rows:
        if not (isinstance(one, dict) and isinstance(one.get("parameters"), dict)):
            raise UserError(f"{path} has an entry without case and parameters; give {FORM}")
        case = _case(one.get("case"), one["parameters"], cases)
        if (case, one["parameters"]) not in chosen:
            chosen.append((case, one["parameters"]))
    return chosen


def _case(number: Any, parameters: dict[str, Any], cases: Sequence[Case]) -> Case:
    """Return the case of that number that takes those parameters."""
    known = [case for case in cases if case.number == number]
    for case in known:
        if set(case.listed[0]) == set(parameters):
            return case
    if not known:
        raise UserError(f"there is no case {number}; choose from 1 to {len(cases)}")
    takes = " or ".join(", ".join(case.listed[0]) for case in known)
    raise UserError(f"case {number} takes {takes}, not {', '.join(parameters) or 'nothing'}")
