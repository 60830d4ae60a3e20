"""What agents would turn themselves into, as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shardsim.base.columns import aligned
from shardsim.reflection.models.evaluators import EVALUATORS
from shardsim.runs.report.formats import interval, listed, number, percent

SHUFFLED = "shuffled shards"
GAINS = (
    "gains in value J, mean over seeds [90 % interval]; hedonistic as it will then be felt; "
    "shuffled: realistic, of logits that favour random actions"
)


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
    lines += ["", *_differ(found["differ"], count)]
    lines += ["", f"  {GAINS}"]
    return lines + [f"    {line}" for line in _gains(found["gains"])]


def _choices(models: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Return a line for each set of models that choose alike."""
    alike: dict[str, list[str]] = {}
    for model, said in models.items():
        words = "; ".join(f"{_chosen(one)} ({one['seeds']})" for one in said)
        alike.setdefault(words, []).append(model)
    if len(alike) == 1:
        return [f"{next(iter(alike))}: every model"]
    return [f"{words}: {', '.join(names)}" for words, names in alike.items()]


def _chosen(one: Mapping[str, Any]) -> str:
    """Return what is chosen; of a lottery with its chances, means over these seeds."""
    if "chances" not in one:
        return str(one["chosen"])
    return " with ".join(f"{name} {percent(part)}" for name, part in one["chances"].items())


def _differ(found: Mapping[str, Mapping[str, int]], seeds: int) -> list[str]:
    """Return where evaluators differ, and where models do."""
    apart = [model for model, count in found["evaluators"].items() if count == seeds]
    models = [f"{name} in {count}" for name, count in found["models"].items()]
    return [
        f"  the three evaluators choose differently in every seed under {len(apart)} of "
        f"{len(found['evaluators'])} models",
        f"  models choose differently by the same evaluator: {', '.join(models)} of {seeds} seeds",
    ]


def _gains(gains: Mapping[str, Any]) -> list[str]:
    realistic, hedonistic = gains["realistic"], gains["hedonistic"]
    shards = [one["shard"] for one in next(iter(realistic.values()))]
    columns = ("realistic", "hedonistic", "shuffled")
    rows = [["", *(f"{name}: {shard}" for name in columns for shard in shards)]]
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
    for title, key in (("trained agents", "agents"), ("untrained", "untrained")):
        if found[key]:
            cells = [found[key].get(name) for name in names]
            rows.append([title, *("–" if c is None else interval(c, "{:.2f}") for c in cells)])
    about = (
        f"planners in this world, {found['levels']} target levels: chances within the time limit, "
        "discounted returns"
    )
    return [about, *(f"  {line}" for line in aligned(rows))]
