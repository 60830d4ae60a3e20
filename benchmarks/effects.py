"""Print how far what objects do to activations agrees with the shards, over finished runs.

    python benchmarks/effects.py runs/study-shards/* [--json FILE]

By seed and layer: adjusted mutual information of clusters of effects and of every control with the
strongest shard, the area under the ROC curve with which the size of an object's effect says that
its shard is active, and what ablating groups of units costs. Then the goals, met or not, a line a
run. It reads each run's `shards.nc` and trains nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from timing import print_table

import shardsim as ss
from shardsim.base.errors import UserError
from shardsim.runs.figure_data import inside
from shardsim.shards.evidence.agreement import EFFECTS, SHUFFLED, SIZES, STRONGEST

AGREES, TELLS, CHANCE = 0.15, 0.85, 0.6  # goals: at least, at least, untrained at most
INFORMATION, AREA, LOST = f"AMI, {STRONGEST}", "AUC of activity", "strength lost"
HEADS = ("run", "measure", "of", "layer", "mean", "by seed")

Rows = Mapping[str, np.ndarray]  # name -> float[seeds, layers]


def measures_of(data: xr.Dataset) -> dict[str, Rows]:
    """Return what is printed of a table of shards."""
    found = {
        INFORMATION: inside.agreement(data, STRONGEST),
        AREA: inside.activity(data),
        LOST: inside.unit_groups(data),
    }
    return {name: rows for name, rows in found.items() if rows}


def lines(run: str, layers: list[str], measures: Mapping[str, Rows]) -> list[tuple[str, ...]]:
    """Return the table's rows of one run."""
    return [
        (
            run,
            measure,
            name,
            layer,
            f"{np.nanmean(values[:, n]):.2f}",
            " ".join(f"{value:.2f}" for value in values[:, n]),
        )
        for measure, rows in measures.items()
        for name, values in rows.items()
        for n, layer in enumerate(layers)
    ]


def goals(measures: Mapping[str, Rows]) -> dict[str, Any]:
    """Return the figures that goals are set for.

    Effects are compared with every control in each seed and layer: raw activations, what is left
    of them, untrained networks, raw input and shuffled labels.
    """
    views, found = measures[INFORMATION], {}
    controls = np.stack([rows for name, rows in views.items() if name not in (SIZES, EFFECTS)])
    for name in (SIZES, EFFECTS):
        if name in views:
            above = views[name] > controls.max(0)
            found[name] = {
                "mean": float(views[name].mean()),
                "above": int(above.sum()),
                "above_matched": int((views[name] > _matched(views, name)).sum()),
                "of": above.size,
            }
    areas = measures.get(AREA, {})
    found["auc"] = {
        name: float(np.nanmean(values)) for name, values in areas.items() if ", " not in name
    }
    blank = [np.nanmean(values) for name, values in areas.items() if name.endswith("untrained")]
    found["auc_untrained"] = float(max(blank)) if blank else None
    return found


def _matched(views: Rows, name: str) -> np.ndarray:
    """Return float[seeds, layers]: the same view of untrained networks, or shuffled labels."""
    others = [views[other] for other in (f"untrained {name}", SHUFFLED) if other in views]
    return np.max(others, axis=0)


def judged(run: str, found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return one line a goal: run, goal, figure, met or not."""
    rows = []
    for name in (SIZES, EFFECTS):
        if name not in found:
            continue
        one = found[name]
        counts = {"untrained and shuffled": "above_matched", "every control": "above"}
        rows.append(
            (run, f"AMI of {name} ≥ {AGREES}", f"{one['mean']:.2f}", said(one["mean"] >= AGREES))
        )
        for against, key in counts.items():
            goal, figure = f"{name} above {against}, seeds × layers", f"{one[key]} of {one['of']}"
            rows.append((run, goal, figure, said(one[key] == one["of"])))
    for name, value in found["auc"].items():
        rows.append((run, f"AUC, {name} ≥ {TELLS}", f"{value:.2f}", said(value >= TELLS)))
    if found["auc_untrained"] is not None:
        value = found["auc_untrained"]
        rows.append((run, f"AUC, untrained ≤ {CHANCE}", f"{value:.2f}", said(value <= CHANCE)))
    return rows


def said(met: bool) -> str:
    """Return a goal's end in a word."""
    return "met" if met else "not met"


def main() -> None:
    """Read the runs and print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, help="finished to `identify`")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures of the goals")
    asked = parser.parse_args()
    table, ends, figures = [], [], {}
    for path in asked.runs:
        try:
            data = inside.table(ss.load(path))
        except UserError as error:
            print(f"{path}: {error}", file=sys.stderr)
            continue
        measures = measures_of(data)
        table += lines(path.name, [str(name) for name in data["layer"].values], measures)
        figures[path.name] = goals(measures)
        ends += judged(path.name, figures[path.name])
    print_table("Effects of removing objects, by layer and seed", HEADS, table)
    print_table("Goals", ("run", "goal", "figure", ""), ends)
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
