"""What agents would turn themselves into, as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shardsim.base.columns import aligned
from shardsim.reflection.models.evaluators import EVALUATORS
from shardsim.runs.report.formats import interval, listed, number, percent

SHUFFLED = "shuffled shards"


def in_words(summary: Mapping[str, Any]) -> str:
    """Return a summary of self-modification as text: a part for each onset, then planners."""
    parts = [_onset(name, found) for name, found in summary["onsets"].items()]
    if summary["planners"]:
        parts.append(_planners(summary["planners"]))
    return "\n\n".join("\n".join(lines) for lines in parts)


def _onset(name: str, found: Mapping[str, Any]) -> list[str]:
    if "judges" not in found:
        return [f"onset {name}: not tried, since no seed has such contexts"]
    count = sum(contexts > 0 for contexts in found["contexts"])
    judges = [f"{one['shard']} {percent(one['mean'])}" for one in found["judges"]]
    lines = [f"onset {name}, {count} seed{'' if count == 1 else 's'}; judges: {listed(judges)}"]
    for evaluator in EVALUATORS:
        lines += ["", f"  chosen by the {evaluator} evaluator, in so many seeds:"]
        lines += [f"    {line}" for line in _choices(found["choices"][evaluator])]
    lines += ["", "  gains in value J, mean over seeds [90 % interval]:"]
    return lines + [f"    {line}" for line in _gains(found["gains"])]


def _choices(models: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return a line for each set of models that choose alike."""
    alike: dict[str, list[str]] = {}
    for model, said in models.items():
        words = "; ".join(f"{what} ({seeds})" for what, seeds in said.items())
        alike.setdefault(words, []).append(model)
    if len(alike) == 1:
        return [f"{next(iter(alike))}: every model"]
    return [f"{words}: {', '.join(names)}" for words, names in alike.items()]


def _gains(gains: Mapping[str, Any]) -> list[str]:
    realistic, hedonistic = gains["realistic"], gains["hedonistic"]
    shards = [one["shard"] for one in next(iter(realistic.values()))]
    rows = [
        ["", *(f"{shard}, realistic" for shard in shards), *(f"hedonistic {s}" for s in shards),
         *(f"shuffled {s}" for s in shards)]
    ]  # fmt: skip
    for option in realistic:
        felt = [number(one["mean"]) for one in hedonistic[option]]
        blank = gains[SHUFFLED].get(option)
        chance = ["–"] * len(shards) if blank is None else [number(one["mean"]) for one in blank]
        rows.append([option, *(interval(one) for one in realistic[option]), *felt, *chance])
    return aligned(rows)


def _planners(found: Mapping[str, Any]) -> list[str]:
    """Return what planners do, and what the trained agents do, as a table."""
    names = list(next(iter(found["evaluators"].values())))
    rows = [["", *names]]
    for evaluator, row in found["evaluators"].items():
        rows.append([evaluator, *(number(row[name], 2) for name in names)])
    if found["agents"]:
        cells = [found["agents"].get(name) for name in names]
        rows.append(
            ["trained agents", *("–" if c is None else interval(c, "{:.2f}") for c in cells)]
        )
    about = (
        f"planners in this world, {found['levels']} target levels: chances within the time limit, "
        "discounted returns"
    )
    return [about, *(f"  {line}" for line in aligned(rows))]
