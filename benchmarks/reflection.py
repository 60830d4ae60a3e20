"""Reflect with the agents of finished runs from many onsets, and say what is decided by it.

    python benchmarks/reflection.py runs/study-shards/* [--out DIR] [reflect.onsets=8 ...]

Settings are the `[reflect]` of `--config`, by default `experiments/study_reflection.toml`; the runs
stay as they are. For each run DIR holds the table `<name>.nc`, which is read again if it is there
(`--again` makes it anew). Printed are the verdicts of every class of onsets with detectable drift
and needed sizes, the share of the outcome's variance by trained weights, onset, model and path, and
the goals, met or not.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from reflection_goals import goals, models_of
from scipy.stats import spearmanr
from timing import print_table

import shardsim as ss
from shardsim.base.compiled import keep_compiled_programs
from shardsim.base.errors import UserError
from shardsim.base.progress import Listener, Tracked
from shardsim.base.statistics import Interval
from shardsim.plot.extinction import Onsets, curated
from shardsim.reflection.config import CONTROLS, ReflectConfig
from shardsim.reflection.kinds import over_all
from shardsim.reflection.lock_in import lock_in
from shardsim.reflection.onsets import CONTESTED
from shardsim.reflection.results import reflect_run
from shardsim.reflection.variance import FACTORS, split
from shardsim.runs.agents import subjects_of
from shardsim.runs.figure_data.activation import onsets_of
from shardsim.runs.io import dataset_from_bytes, dataset_to_bytes
from shardsim.runs.toml import read_config

SHIPPED = Path(__file__).parents[1] / "experiments" / "study_reflection.toml"
CLASSES = (
    "run",
    "onsets",
    "P(first) before",
    "saturated",
    "model",
    "verdict",
    "largest mean change / range",
    "single ones beyond ε",
    "detectable",
    "seeds needed",
    "onsets needed",
    "κ",
    "locked in at",
)
MIXED = [" × ".join(mix) for size in (2, 3) for mix in combinations(FACTORS[:3], size)]
LIMITS = ("run", "model", "onsets × seeds", "mean distance", "rank correlation with judges")
SPLITS = ("run", "outcome", "onsets", "variance", "shares", *FACTORS, *MIXED)


def reflected(path: Path, out: Path, config: ReflectConfig, again: bool) -> xr.Dataset:
    """Return the table of a run's reflection, read from `out` where it is there."""
    file = out / f"{path.name}.nc"
    if file.is_file() and not again:
        return dataset_from_bytes(file.read_bytes(), str(file))
    run = ss.load(path)
    begun = time.monotonic()
    shown = Tracked(
        Listener(
            lambda *_: None,
            lambda seconds, why: say(f"about {seconds:.0f} s for {why}"),
            lambda part, seconds: say(f"{part}, {seconds:.0f} s"),
        )
    )
    seed = run.config.identify.seed
    found = reflect_run(subjects_of(run), config, seed=seed, progress=shown).dataset
    say(f"{path.name}: {time.monotonic() - begun:.0f} s")
    out.mkdir(parents=True, exist_ok=True)
    file.write_bytes(dataset_to_bytes(found))
    return found


def say(line: str) -> None:
    """Write how far it is, beside the tables."""
    print(line, file=sys.stderr, flush=True)


def of_classes(data: xr.Dataset) -> Iterator[tuple[str, xr.Dataset]]:
    """Yield every class of onsets with its part of the table."""
    for kind in data["kind"].values.tolist():
        yield kind, data.sel(kind=kind).isel(onset=(data["onset_class"] == kind).values)


def lines(run: str, data: xr.Dataset) -> list[tuple[str, ...]]:
    """Return a row for each class of onsets and model."""
    rows = []
    for kind, here in of_classes(data):
        shared = here["shared_contexts"].values
        hit = here["hit"].isel(step=0, outcome=0, model=0)
        before = over_all(hit.transpose("onset", "seed").values, shared)
        for model in models_of(data):
            one = here.sel(model=model)
            kappa = over_all(one["carry_over"].transpose("onset", "seed").values, shared)
            locked = lock_in(one["hit"].transpose("onset", "seed", "step", "outcome").values)
            rows.append(
                (
                    run,
                    kind,
                    f"{data['outcome'].values[0]} {spelt(before)}",
                    f"{float(here['saturated'].mean()):.0%}",
                    model,
                    str(one["kind_verdict"].item()),
                    largest(one),
                    spelt(Interval(one["beyond"].item(), *one["beyond_interval"].values)),
                    f"{float(one['detectable'].max()):.3f}",
                    count(one["seeds_needed"].item()),
                    count(one["onsets_needed"].item()),
                    spelt(kappa),
                    steps(locked),
                )
            )
    return rows


def spelt(found: Interval) -> str:
    """Write a mean with its interval; a dash where nothing is known."""
    if not np.isfinite(found.mean):
        return "–"
    mean, low, high = (round(float(end), 2) + 0.0 for end in found)  # no −0.0
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def largest(one: xr.Dataset) -> str:
    """Write the largest change of a value, whose it is and where."""
    if not np.isfinite(one["kind_change"]).any():
        return "–"
    place, shard = np.unravel_index(
        np.nanargmax(np.abs(one["kind_change"].transpose("place", "shard").values)),
        (one.sizes["place"], one.sizes["shard"]),
    )
    here = one.isel(place=int(place), shard=int(shard))
    low, high = (float(here["kind_interval"].sel(end=end)) for end in ("low", "high"))
    name, where = str(here["shard_name"].item()), str(here["place"].item())
    return f"{name}, {where} {float(here['kind_change']):+.3f} [{low:+.3f}, {high:+.3f}]"


def count(value: float) -> str:
    """Write a number of seeds or onsets."""
    if np.isnan(value):
        return "–"
    return "none" if np.isinf(value) else f"{value:.0f}"


def steps(locked: np.ndarray) -> str:
    """Write the median step of lock-in, and how many still move."""
    moving = float(np.isnan(locked).mean())
    known = locked[np.isfinite(locked)]
    return f"{np.median(known):.0f}, {moving:.0%} moving" if known.size else "moving"


def splits(run: str, data: xr.Dataset) -> list[tuple[str, ...]]:
    """Return rows of what the outcome and its change vary with, nulls left out."""
    models = [model for model in models_of(data) if model not in CONTROLS]
    axes = ("seed", "onset", "model", "repeat")
    places = {"onset": ("hit", "repeat_hit"), "target": ("target_hit", "repeat_target_hit")}
    groups = {"all": data, **{n: d for n, d in of_classes(data) if n == CONTESTED}}
    rows = []
    for place, (before, after) in places.items():
        for name, here in groups.items():
            chosen = here.sel(model=models).isel(outcome=0)
            end = chosen[after].transpose(*axes)
            change = (end - chosen[before].isel(step=0)).transpose(*axes)
            first = f"P({data['outcome'].values[0]} first), {place}"
            for said, values in ((f"{first}, after", end), (f"{first}, change", change)):
                rows += _split(run, said, name, known_cells(values.values))
    return rows


def known_cells(values: np.ndarray) -> np.ndarray:
    """Return f[D, U, M, N] without seeds and onsets that have no contexts."""
    known = np.asarray(np.isfinite(values).all((2, 3)))
    values = values[known.any(1)]
    return values[:, known[known.any(1)].all(0)]


def _split(run: str, outcome: str, onsets: str, values: np.ndarray) -> list[tuple[str, ...]]:
    if len(values) < 3 or values.shape[1] < 2:
        return []
    found = split(values)
    head = run, outcome, onsets, f"{found.variance:.2g}"
    cells = {**found.alone, **found.interactions}
    unknown = Interval(np.nan, np.nan, np.nan)
    return [
        (*head, "alone", *(spelt(cells.get(name, unknown)) for name in (*FACTORS, *MIXED))),
        (
            *head,
            "with interactions",
            *(spelt(found.together.get(name, unknown)) for name in FACTORS),
            *("" for _ in MIXED),
        ),
    ]


def beside_theory(run: str, found: Onsets) -> list[tuple[str, ...]]:
    """Return a row a model: what is reached first beside the tabular limit of turns.

    With one shard judges always agree, and nothing can go along with their share.
    """
    limit, differ = curated(found.active, found.hardness), np.ptp(found.active) > 0
    rows = [(run, "before reflection", found.before)]
    rows += [(run, name, after) for name, after in found.after.items() if np.isfinite(after).any()]
    return [
        (
            run,
            name,
            str(len(after)),
            f"{np.abs(after - limit).mean():.3f}",
            f"{spearmanr(found.active, after)[0]:+.2f}" if differ else "–",
        )
        for run, name, after in rows
    ]


def main() -> None:
    """Reflect, and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", help="runs finished to `identify`, and key=value")
    parser.add_argument("--out", type=Path, default=Path("runs/study-reflection"), metavar="DIR")
    parser.add_argument("--config", default=str(SHIPPED), help="whose [reflect] counts")
    parser.add_argument("--again", action="store_true", help="reflect anew")
    asked = parser.parse_intermixed_args()
    keep_compiled_programs()
    overrides = [one for one in asked.runs if "=" in one]
    tables: dict[str, Any] = {}
    try:
        config = read_config(asked.config, overrides).reflect
        for path in (Path(one) for one in asked.runs if "=" not in one):
            tables[path.name] = reflected(path, asked.out, config, asked.again)
    except UserError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from error
    kept = {name: data for name, data in tables.items() if "value_change" in data}
    print_table("Classes of onsets", CLASSES, [row for n, d in kept.items() for row in lines(n, d)])
    print_table("Variance", SPLITS, [row for n, d in kept.items() for row in splits(n, d)])
    rows = []
    for path in (Path(one) for one in asked.runs if Path(one).name in kept):
        shards = ss.load(path).shards.dataset
        found, _ = onsets_of(kept[path.name], shards, config.strength)
        rows += beside_theory(path.name, found)
    print_table("P(first) beside the limit of turns in a table", LIMITS, rows)
    if kept:
        print_table("Goals", ("goal", "found", ""), goals(kept))


if __name__ == "__main__":
    main()
