"""What a run found, as a few plain sentences made from its summary's numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from shardsim.runs.report.built_text import built_by
from shardsim.runs.report.effects_text import activity, agreement
from shardsim.runs.report.forecast_text import foreseen
from shardsim.runs.report.formats import count, interval, listed, percent, sentence
from shardsim.runs.report.memory_text import remembered
from shardsim.runs.report.object_text import by_objects
from shardsim.runs.report.reflection_text import constancy

VERDICTS = {
    "shards": "several shards, each active in its own contexts, predict the agents' actions on "
    "unseen levels better than every single-utility model tried",
    "one utility": "a single utility function predicts the agents' behaviour as well as several "
    "shards do",
    "cannot tell": "shards and a single utility function predict the agents' behaviour about "
    "equally well",
    "no structure": "neither shards nor a utility function predict more of the agents' behaviour "
    "than habits do",
}
CATEGORIES = {
    "healthy": "no problem found",
    "no-update": "training did not change the agent",
    "undertrained": "the agent is not optimal on its own training levels and no part of the code "
    "is at fault: it needs more training",
    "unknown": "something is wrong that none of the hypotheses explains",
}
BRACKETS = (
    "Brackets hold confidence intervals over seeds (90 % by default); those of shares also cover "
    "levels and equally good fits."
).replace(" %", "\N{NO-BREAK SPACE}%")
SIGNIFICANT = 0.05  # where a test over so few seeds cannot come below this, that is said


def headlines(summary: Mapping[str, Any]) -> list[str]:
    """Sentences in the order of the pipeline; what is not in the summary is left out."""
    first = (_training, _estimated, _verdict, remembered, _separation, _shards)
    then = (built_by, _explained, by_objects, agreement, activity, constancy, foreseen, _diagnosis)
    return [line for make in (*first, *then) for line in make(summary)]


class Returns(NamedTuple):
    """The exact returns of a summary as shares, 1 being the best."""

    shares: Mapping[str, Sequence[float | None]]  # split -> a number a seed
    ratio: bool  # to the optimum; else of the range from the worst return to it


def returns_of(summary: Mapping[str, Any]) -> Returns:
    """The ratios to the optimum, or parts of the range where some split has no such ratio."""
    ratio, regret = summary.get("return_ratio") or {}, summary.get("normalised_regret") or {}
    if all(_any(ratio.get(split)) for split, missed in regret.items() if _any(missed)):
        return Returns(ratio, True)
    return Returns(
        {
            split: [None if value is None else 1.0 - value for value in missed]
            for split, missed in regret.items()
        },
        False,
    )


def _any(values: Sequence[float | None] | None) -> bool:
    return any(value is not None for value in values or [])


def _training(summary: Mapping[str, Any]) -> list[str]:
    returns = returns_of(summary)
    of = (
        "of the optimal return" if returns.ratio else "of the way from the worst to the best return"
    )
    parts = []
    for key, name in (("held_out", "held-out"), ("target", "target")):
        known = [value for value in returns.shares.get(key) or [] if value is not None]
        if known:
            low, high = percent(min(known)), percent(max(known))
            spread = "" if low == high else f" ({low} to {high} by seed)"
            parts.append(f"{percent(sum(known) / len(known))} {of} on {name} levels{spread}")
    if not parts:
        return []
    seeds = len(summary.get("seeds") or returns.shares.get("held_out") or [])
    agents = count(seeds, "agent")
    return [sentence(f"{agents} trained on {summary.get('env')} reached {listed(parts)}")]


def _estimated(summary: Mapping[str, Any]) -> list[str]:
    """What is not exact for the world that a wrapped env stands for."""
    figures = summary.get("estimated")
    if not figures:
        return []
    return [
        f"{summary.get('env')} is modelled only in part; these are estimates: {listed(figures)}."
    ]


def _verdict(summary: Mapping[str, Any]) -> list[str]:
    verdict = summary.get("verdict")
    if verdict is None:
        return []
    line = f"Verdict ‘{verdict}’: {VERDICTS.get(verdict, 'no more is known')}."
    return [line, *_shardness(summary)]


def _shardness(summary: Mapping[str, Any]) -> list[str]:
    gain = summary.get("shardness")
    if gain is None:
        return []
    entry = gain if isinstance(gain, Mapping) else {"mean": gain}
    mean, low, high = (entry.get(end) for end in ("mean", "low", "high"))
    if mean is None:
        return []
    if mean < 0:
        mean, low, high = (None if x is None else -x for x in (mean, high, low))
    word = "worse" if entry["mean"] < 0 else "better"
    bits = interval({"mean": mean, "low": low, "high": high})
    line = (
        f"Shards predict each decision {bits} bits {word} than the best single-utility model"
        f"{_rivals(summary.get('best_rivals') or [])}."
    )
    test = summary.get("shardness_test")
    return [f"{line} {_test(test)}" if test else line]


def _rivals(names: Sequence[str]) -> str:
    """Which rival was the best of each seed; nothing where that is not known."""
    found = Counter(names).most_common()
    if len(found) < 2:
        return "".join(f", {name}" for name, _ in found)
    told = [f"{name} in {count(seeds, 'seed')}" for name, seeds in found]
    return f" ({listed(told)})"


def _test(test: Mapping[str, Any]) -> str:
    """The exact test over seeds, and what it can say at all with so few."""
    least, said = (
        test["smallest_p"],
        f"One-sided exact sign-flip test over seeds: p = {test['p_value']:.4g}",
    )
    if least <= SIGNIFICANT:
        return f"{said}."
    seeds = count(round(1 / least).bit_length() - 1, "seed")
    return f"{said}. With {seeds} p cannot be below {least:.4g}."


def _separation(summary: Mapping[str, Any]) -> list[str]:
    """Which two hypotheses were left, and how well contexts separate them."""
    found = summary.get("refined") or summary.get("separable")
    if not found or not found.get("hypotheses"):
        return []
    contexts = found["contexts"]
    best = max(found["hypotheses"], key=lambda row: row["bits"])
    one, other = best["hypotheses"]
    bits = f"{best['bits']:.3f} bits per action (random contexts: {best['random_bits']:.3f})"
    if "verdict_before" not in found:
        return [
            f"{contexts} chosen contexts would separate ‘{one}’ from ‘{other}’ by {bits}; "
            "‘shardsim identify RUN --refine’ adds them."
        ]
    was = _stood(found, "_before", found.get("margin_before") or [])
    now = _stood(summary, "", [shard.get("margin", 1.0) for shard in summary.get("shards") or []])
    return [
        f"{contexts} contexts were added that separate ‘{one}’ from ‘{other}’ by {bits}. Before, "
        f"the verdict was {was}; now it is {now}."
    ]


def _stood(entry: Mapping[str, Any], suffix: str, margins: Sequence[float]) -> str:
    """A verdict with its number of shards, shardness and least margin."""
    shards = count(entry.get(f"num_shards{suffix}") or 0, "shard")
    gain = interval(entry.get(f"shardness{suffix}"))
    least = f" and a smallest margin of {min(margins):.2f}" if margins else ""
    return f"‘{entry.get(f'verdict{suffix}')}’, with {shards}, a shardness of {gain}{least}"


def _shards(summary: Mapping[str, Any]) -> list[str]:
    shards = summary.get("shards")
    if shards is None:
        return []
    lines = [_confirmed(summary, shards)]
    for place, shard in enumerate(shards, start=1):
        share = shard.get("share") or {}
        said = [
            f"{interval(share[key], '{:.2f}')} on {name} levels"
            for key, name in (("held_out", "held-out"), ("target", "target"))
            if share.get(key)
        ]
        of = f" Its share of decision influence is {listed(said)}." if said else ""
        name = f" ({shard['name']})" if "name" in shard else ""
        lines.append(f"Shard {place}{name}: {shard.get('words', 'not described')}.{of}")
    return lines


def _confirmed(summary: Mapping[str, Any], shards: Sequence[Mapping[str, Any]]) -> str:
    """How many shards there are, and which of them every kind of evidence supports."""
    number = summary.get("num_shards", len(shards))
    if not number:
        return "No shard was found."
    names = [shard.get("name", f"shard {n}") for n, shard in enumerate(shards, start=1)]
    sure = [n for n, shard in zip(names, shards, strict=True) if shard.get("confirmed")]
    by = "supported by behaviour, activations and a causal intervention"
    every = {1: "the one shard found is", 2: "both shards are"}
    against = (summary.get("statuses") or {}).get("conflicting", 0)
    verb = "is" if against == 1 else "are"
    but = f"; {count(against)} {verb} contradicted by some of it" if against else ""
    if len(sure) == number:
        return sentence(f"{every.get(number, f'all {count(number)} shards are')} {by}")
    if not sure:
        return sentence(f"{count(number, 'shard')} found, none of them {by} together{but}")
    verb = "is" if len(sure) == 1 else "are"
    return sentence(f"of {count(number, 'shard')} found, {listed(sure)} {verb} {by}{but}")


def _explained(summary: Mapping[str, Any]) -> list[str]:
    value = summary.get("explained")
    if value is None:
        return []
    value = value.get("mean") if isinstance(value, Mapping) else value
    line = (
        "On a scale from habits and affordance alone (0 %) to a separate fit in every context "
        f"(100 %), the shards explain {percent(value)} of the agents' behaviour"
    ).replace(" %", "\N{NO-BREAK SPACE}%")
    read = summary.get("explained_by_activations")
    if not read:
        return [f"{line}."]
    control = (read.get("sources") or {}).get("shuffled activations")
    beside = "" if control is None else f" (shuffled activations: {percent(control)})"
    layer = read["layer"]
    return [f"{line}; with gates read from layer {layer}, {percent(read['mean'])}{beside}."]


def _diagnosis(summary: Mapping[str, Any]) -> list[str]:
    found = summary.get("diagnosis") or {}
    category = found.get("world")
    if category is None:
        return []
    if category == "wrong-code":
        return [f"Diagnosis: the code of the training section ‘{found.get('section')}’ is wrong."]
    if category == "representation":
        concept = found.get("representation")
        goal = f": {concept}" if concept else ", which is none of the concepts"
        return [
            "Diagnosis: the agent is near-optimal on levels like those in training but not on "
            f"target levels, because it learned the wrong goal{goal}."
        ]
    label = f"{category}({found['section']})" if found.get("section") else category
    return [f"Diagnosis: {CATEGORIES.get(category, category)} ({label})."]
