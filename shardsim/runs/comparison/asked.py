"""What the words of `shardsim compare` ask for, and the files that it writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from shardsim.base.errors import UserError, one_line
from shardsim.base.given import path_of
from shardsim.runs.comparison.compare import Comparison, compare_runs
from shardsim.runs.comparison.design import read_design
from shardsim.runs.comparison.results import RESULTS
from shardsim.runs.comparison.text import listing
from shardsim.runs.comparison.values import read_values
from shardsim.runs.run import Run
from shardsim.runs.sweep.grid import split as split_values
from shardsim.runs.toml import value_of


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tell folders and names of results apart: the first word, and what is a folder, is a path."""
    paths = [word for place, word in enumerate(words) if place == 0 or path_of(word).is_dir()]
    results = [word for word in words if word not in paths]
    slashed = next((word for word in results if "/" in word), None)
    if slashed is not None:
        raise UserError(f"there is no folder {slashed}; give run directories that exist")
    return paths, results


def held(words: Iterable[str]) -> dict[str, Any]:
    """Read `KEY=VALUE` words; raises UserError for another."""
    chosen = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise UserError(f"where {word} is no setting; write it as KEY=VALUE")
        chosen[key] = value_of(text)
    return chosen


def compared(
    runs: Sequence[Run], result: str, against: str, by: str, where: str, confidence: float
) -> Comparison:
    """Compare open runs as the options of a figure ask: texts, empty where nothing was said.

    Several results stand with commas in `result`, and `KEY=VALUE,KEY=VALUE` in `where`; raises as
    `compare_runs` and `held`.
    """
    return compare_runs(
        runs,
        result.split(",") if result else (),
        against=against or None,
        by=by or None,
        where=held(split_values(where) if where else ()),
        confidence=confidence,
    )


def results_of(paths: Sequence[str], folders: Sequence[str | Path] = ()) -> dict[str, str]:
    """Every result that the runs have, with its meaning."""
    read = read_values(read_design(paths, folders), [one.name for one in RESULTS], strict=False)
    return listing(read.measures, read.values)


def write(
    found: Comparison,
    page: str | Path | None = None,
    groups: str | Path | None = None,
    seeds: str | Path | None = None,
) -> list[Path]:
    """Write what is asked for, and return where; raises UserError where that cannot be."""
    written = []
    if page is not None:
        from shardsim.runs.comparison.page import page_of

        if path_of(page).suffix.lower() not in (".html", ".htm"):
            raise UserError(f"{page} does not end in .html; name the file of --out so")
        written.append(_write(page, page_of(found), "--out"))
    for path, table, option in ((groups, found.groups, "--csv"), (seeds, found.seeds, "--seeds")):
        if path is not None:
            written.append(_write(path, _csv(table), option))
    return written


def _csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, lineterminator="\n")


def _write(path: str | Path, text: str, option: str) -> Path:
    path = path_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        said = one_line(error)
        raise UserError(f"cannot write {path}: {said}; choose another {option}") from error
    return path
