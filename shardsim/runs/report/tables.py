"""The report's tables as plain text cells, from a run's summary and results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from shardsim.diagnosis.evidence import label_in
from shardsim.plot.evidence import COLUMNS, DISAGREES, cell
from shardsim.runs.figure_data import inside, results
from shardsim.runs.report import forecast_text, object_text, stability_text
from shardsim.runs.report.formats import half_width, interval, mean_sd, number, spread
from shardsim.runs.report.text import returns_of
from shardsim.runs.run import Run

COMPETENCE = "competence"


class Table(NamedTuple):
    """One table; no rows where the run does not have them."""

    title: str
    columns: tuple[str, ...]
    rows: list[list[str]]
    marked: tuple[int, ...] = ()  # rows whose last cell says that something is wrong


def all_tables(run: Run, summary: Mapping[str, Any]) -> dict[str, Table]:
    """Every table by name."""
    makers: dict[str, Callable[[], Table]] = {
        "return": lambda: returns(summary),
        "shards": lambda: shards(summary),
        "shares": lambda: shares(run),
        "track": lambda: track(run),
        "rivals": lambda: rivals(run),
        "shardness": lambda: shardness(summary),
        "objects": lambda: Table(object_text.TITLE, object_text.COLUMNS, object_text.rows(summary)),
        "agreement": lambda: agreement(run),
        "effects": lambda: effects(run),
        "views": lambda: views(summary),
        "activation gates": lambda: activation_gates(summary),
        "components": lambda: components(summary),
        "interventions": lambda: interventions(summary),
        "constancy": lambda: constancy(summary),
        "stability": lambda: Table(*stability_text.table(run)),
        "forecast": lambda: Table(*forecast_text.table(summary)),
        "diagnosis": lambda: diagnosis(run),
        "evidence": lambda: evidence(run),
    }
    return {name: make() for name, make in makers.items()}


def returns(summary: Mapping[str, Any]) -> Table:
    """Return relative to the optimum, one row per seed."""
    found = returns_of(summary)
    held_out, target = found.shares.get("held_out") or [], found.shares.get("target") or []
    seeds = summary.get("seeds") or list(range(len(held_out)))
    pairs = zip(seeds, held_out, target, strict=False)
    rows = [[str(seed), number(one), number(other)] for seed, one, other in pairs]
    unit = "Return ÷ optimal return" if found.ratio else "Return (worst policy 0, best 1)"
    return Table(
        f"{unit} at the end of training", ("seed", "held-out levels", "target levels"), rows
    )


def shards(summary: Mapping[str, Any]) -> Table:
    """Every shard in plain words, with what it wants."""
    rows = [
        [
            f"{place} {shard['name']}",
            str(shard.get("words", "")),
            ", ".join(f"{name} {number(v, 2)}" for name, v in _named(shard.get("preferences"))),
            number(shard.get("margin")),
            cell(shard.get("confirmed")),
        ]
        for place, shard in enumerate(summary.get("shards") or [], start=1)
    ]
    columns = ("", "description", "preferences (unit norm)", "margin", "confirmed")
    return Table("Description of each shard", columns, rows)


def _named(preferences: Any) -> list[tuple[str, float]]:
    if isinstance(preferences, Mapping):
        return list(preferences.items())
    return [(f"concept {n}", value) for n, value in enumerate(preferences or [], start=1)]


def shares(run: Run) -> Table:
    """Shares with intervals over levels and seeds."""
    title = "Share of decision influence, mean over seeds [interval]"
    if not run.store.has("shards.nc"):
        return Table(title, (), [])
    batteries = results.shares(run)
    rows = []
    for place, name in enumerate(results.parts(run.shards.dataset).names):
        ends = [(one.mean[place], one.low[place], one.high[place]) for one in batteries.values()]
        rows.append([name, *(spread(*end) for end in ends)])
    return Table(title, ("", *(f"{name} levels" for name in batteries)), rows)


def track(run: Run) -> Table:
    """The run's one dictionary beside fits of single checkpoints, which know nothing of it."""
    title = "Shards of the whole run, compared with separate fits of single checkpoints"
    if not run.store.has("track.nc"):
        return Table(title, (), [])
    data = run.track.transpose("checkpoint", "seed", "shard", ...)
    checked = np.flatnonzero(np.isfinite(data["separate_shards"].values).all(1))
    cosine = data["match_cosine"].values
    rows = [
        [
            str(int(data["update"].values[t])),
            ", ".join(str(int(count)) for count in data["separate_shards"].values[t]),
            *(mean_sd(cosine[t, :, k]) for k in range(cosine.shape[2])),
        ]
        for t in checked
    ]
    heads = (f"cosine with {name}" for name in results.labels(data))
    return Table(title, ("update", "shards found, by seed", *heads), rows)


def rivals(run: Run) -> Table:
    """Bits per decision of every model, mean and spread over seeds."""
    title = "Held-out bits per decision (mean ± standard deviation over seeds)"
    if not run.store.has("shards.nc"):
        return Table(title, (), [])
    models, panels, _ = results.bits(run)
    rows = [
        [name, *(mean_sd(values[n]) for values in panels.values())] for n, name in enumerate(models)
    ]
    return Table(title, ("model", *panels), rows)


def shardness(summary: Mapping[str, Any]) -> Table:
    """The verdict and what it rests on."""
    if summary.get("verdict") is None:
        return Table("Verdict", (), [])
    gain = interval(summary.get("shardness"))
    rows = [
        ["verdict", str(summary["verdict"])],
        ["shardness: best rival minus shards (bits per decision)", gain],
        [
            "explained: from habits and affordance (0) to the ceiling (1)",
            interval(summary.get("explained")),
        ],
    ]
    test = summary.get("shardness_test")
    if test:
        least = f"(smallest possible with so many seeds: {number(test['smallest_p'], 4)})"
        rows += [
            [
                "p, shardness above zero (exact sign-flip test)",
                f"{number(test['p_value'], 4)} {least}",
            ],
            ["p, shardness above the largest null", number(test["p_value_above_nulls"], 4)],
            ["largest mean shardness among the nulls", number(test["threshold"])],
        ]
    return Table("Verdict", ("", ""), rows)


def agreement(run: Run) -> Table:
    """Adjusted mutual information of clusters of every view with three labels, by layer."""
    title = "Agreement of clusters of contexts (adjusted mutual information)"
    if not run.store.has("shards.nc") or "label" not in run.shards.dataset.dims:
        return Table(title, (), [])
    data = run.shards.dataset
    labels = [str(label) for label in data["label"].values]
    tables = {label: inside.agreement(data, label) for label in labels}
    rows = [
        [view, layer, *(mean_sd(tables[label][view][:, n]) for label in labels)]
        for view in tables[labels[0]]
        for n, layer in enumerate(map(str, data["layer"].values))
    ]
    return Table(title, ("clusters of", "layer", *labels), rows)


def effects(run: Run) -> Table:
    """What the size of effects says of activity, and what ablating groups of units costs."""
    title = "Effects of removing objects, by layer"
    if not run.store.has("shards.nc") or "activity_auc" not in run.shards.dataset:
        return Table(title, (), [])
    data = run.shards.dataset
    measures = {inside.AUC: inside.activity(data), inside.LOST: inside.unit_groups(data)}
    rows = [
        [measure, name, *(mean_sd(values[:, n]) for n in range(data.sizes["layer"]))]
        for measure, found in measures.items()
        for name, values in found.items()
    ]
    return Table(title, ("measure", "of", *map(str, data["layer"].values)), rows)


def activation_gates(summary: Mapping[str, Any]) -> Table:
    """What the shards explain with gates read from every layer and control."""
    read = summary.get("explained_by_activations") or {}
    rows = [[name, number(value)] for name, value in (read.get("sources") or {}).items()]
    title = "Fraction explained with gates read from activations (held-out levels, mean over seeds)"
    return Table(title, ("gates read from", "explained"), rows)


def components(summary: Mapping[str, Any]) -> Table:
    """The single component of a layer that follows each shard's gate, beside its controls."""
    told = summary.get("components") or []
    controls = list(dict.fromkeys(name for one in told for name in one["null"]))
    rows = [
        [str(place), one["layer"], one["method"], ", ".join(one["components"])]
        + [interval(one["score"], "{:.2f}")]
        + [number(one["null"].get(name), 2) for name in controls]
        for place, one in enumerate(told, start=1)
    ]
    columns = ("shard", "layer", "method", "component, by seed", "correlation", *controls)
    title = "Single component that correlates best with each gate (on levels not used to choose it)"
    return Table(title, columns, rows)


def interventions(summary: Mapping[str, Any]) -> Table:
    """What a dose of each shard's reading does to it and to others."""
    rows = []
    for place, shard in enumerate(summary.get("shards") or [], start=1):
        if not (found := shard.get("interventions") or {}):
            continue
        slope = found.get("slope") or {}
        rows.append(
            [str(place), found["layer"], interval(found.get("selectivity"), "{:.2f}")]
            + [number(slope.get(key), 2) for key in ("own", "other", "random")]
        )
    title = "Interventions: change of strength per unit of dose, in the most selective layer"
    dosed = ("the shard itself", "largest other shard", "random rotations")
    return Table(title, ("shard", "layer", "selectivity", *dosed), rows)


def views(summary: Mapping[str, Any]) -> Table:
    """What each kind of evidence says about each shard, and why."""
    kinds = ("behaviour", "activations", "updates")
    rows = [
        [
            str(place),
            str(told["status"]),
            *(f"{told[kind]['says']}: {told[kind]['reason']}" for kind in kinds),
        ]
        for place, told in enumerate(summary.get("views") or [], start=1)
    ]
    return Table(
        "Evidence for each shard from behaviour, activations and parameter updates",
        ("shard", "status", *kinds),
        rows,
    )


def constancy(summary: Mapping[str, Any]) -> Table:
    """Verdicts on reflection with what moved, a row an onset and a model."""
    title = "Constancy of the shards' values, and change from first to last step (± 90 % interval)"
    told = summary.get("reflection") or {}
    models = [found for onset in told.values() for found in onset["models"].values()]
    kinds = ("hit_", "influence_", COMPETENCE)
    moved = [name for found in models[:1] for name in found["drift"] if name.startswith(kinds)]
    rows = [
        [onset, model, cell(found["verdict"]), cell(found.get("carry_over"))]
        + [half_width(found["drift"].get(name)) for name in moved]
        for onset, here in told.items()
        for model, found in here["models"].items()
    ]
    if not rows:
        verdicts = (summary.get("constancy") or {}).items()
        return Table(title, ("onset", "verdict"), [[onset, str(said)] for onset, said in verdicts])
    heads = [
        name.replace("hit_", "P(first) ").replace("influence_", "influence ") for name in moved
    ]
    return Table(title, ("onset", "model", "verdict", "carry-over κ", *heads), rows)


def diagnosis(run: Run) -> Table:
    """The diagnosis, and the probability of each category."""
    if not run.store.has("diagnosis.json"):
        return Table("Diagnosis", (), [])
    found = run.diagnosis
    rows = [["diagnosis", label_in(found)]]
    rows += [["by seed", ", ".join(found["seeds"])]] if found.get("seeds") else []
    rows += [["evidence tier", str(found["tier"])]] if found.get("tier") else []
    rows += [["note", str(note)] for note in found.get("notes") or []]
    rows += [
        [f"probability of {category}", number(value)]
        for category, value in sorted(
            (found.get("probabilities") or {}).items(), key=lambda item: (-item[1], item[0])
        )
    ]
    return Table("Diagnosis", ("", ""), rows)


def evidence(run: Run) -> Table:
    """Measured beside exact, in the order of the data flow."""
    title = "Evidence: measured and exact values"
    if not run.store.has("diagnosis.json"):
        return Table(title, (), [])
    found = run.diagnosis.get("evidence") or []
    keys = COLUMNS | ({"note": "note"} if any(row.get("note") for row in found) else {})
    rows = [[cell(row.get(key)) for key in keys] for row in found]
    marked = tuple(n for n, row in enumerate(found) if row.get("verdict") == DISAGREES)
    return Table(title, tuple(keys.values()), rows, marked)
