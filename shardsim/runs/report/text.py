"""What a run found, as a few plain sentences made from its summary's numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

VERDICTS = {
    "shards": "several shards, each active in its own contexts, predict it better than any single "
    "utility function that was tried",
    "one utility": "a single utility function predicts it as well as shards do",
    "cannot tell": "shards and a single utility function predict too much alike to tell apart",
    "no structure": "neither shards nor a utility function predict more than habits do",
}
WORLDS = {
    "healthy": "nothing is wrong with the run",
    "no-update": "training did not change the agent",
    "undertrained": "the agent is not optimal on its own training levels, and no part is at fault: "
    "it needs more training",
    "unknown": "something is wrong that no hypothesis explains",
}
CONTROLS = ("raw input", "untrained", "shuffled")  # what the names of controls begin with
CONSTANCY = {
    "constant": "keeps the value of every shard within its margin",
    "drifted": "changes what at least one shard is worth by more than its margin",
    "undefined": "was not tried: no shard, or no context of that kind",
    "undecided": "cannot be said to keep or to change the shards' values with these seeds",
}


def headlines(summary: Mapping[str, Any]) -> list[str]:
    """Sentences in the order of the pipeline; what is not in the summary is left out."""
    first = (_training, _estimated, _verdict, _separation, _shards, _explained)
    makers = (*first, _agreement, _constancy, _diagnosis)
    return [line for make in makers for line in make(summary)]


def percent(value: float | None) -> str:
    """A fraction in per cent."""
    return "an unknown part" if value is None else f"{100 * value:.0f}\N{NO-BREAK SPACE}%"


def interval(entry: Mapping[str, Any] | float | None, form: str = "{:.3f}") -> str:
    """`mean [low, high]` of a summary's interval, or the number that stands there alone."""
    if entry is None:
        return "unknown"
    if not isinstance(entry, Mapping):
        return minus(form.format(entry))
    mean, low, high = (entry.get(key) for key in ("mean", "low", "high"))
    if mean is None:
        return "unknown"
    said = form.format(mean)
    if low is not None and high is not None:
        said += f" [{form.format(low)}, {form.format(high)}]"
    return minus(said)


def minus(text: str) -> str:
    """A number's hyphens as minus signs."""
    return text.replace("-", "−")


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


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
            mean = sum(known) / len(known)
            spread = f"by seed {percent(min(known))} to {percent(max(known))}"
            parts.append(f"{percent(mean)} {of} on {name} levels ({spread})")
    if not parts:
        return []
    seeds = len(summary.get("seeds") or returns.shares.get("held_out") or [])
    return [f"{_count(seeds, 'agent')} trained on {summary.get('env')} reached {listed(parts)}."]


def _estimated(summary: Mapping[str, Any]) -> list[str]:
    """What is not exact for the world that a wrapped env stands for."""
    figures = summary.get("estimated")
    if not figures:
        return []
    return [f"Estimated, since {summary.get('env')} is not modelled whole: {listed(figures)}."]


def _verdict(summary: Mapping[str, Any]) -> list[str]:
    verdict = summary.get("verdict")
    if verdict is None:
        return []
    line = f"Their behaviour: {VERDICTS.get(verdict, 'no more is known')} (verdict: {verdict})."
    gain = summary.get("shardness")
    if gain is None:
        return [line]
    return [
        line,
        f"Shards save {interval(gain)} bits a decision against the best rival; 0 would mean that "
        "a single utility does as well.",
    ]


def _separation(summary: Mapping[str, Any]) -> list[str]:
    """Which two hypotheses stood, and what asking where they differ tells."""
    found = summary.get("refined") or summary.get("separable")
    if not found or not found.get("hypotheses"):
        return []
    count = found["contexts"]
    best = max(found["hypotheses"], key=lambda row: row["bits"])
    one, other = best["hypotheses"]
    told = (
        f"{best['bits']:.3f} bits an action between ‘{one}"
        f"’ and ‘{other}"
        f"’, where random ones tell {best['random_bits']:.3f}"
    )
    if "verdict_before" not in found:
        return [
            f"Where it is still unsure, {count} other contexts would tell {told} "
            "(shardsim identify RUN --refine adds them)."
        ]
    was = _stood(found, "_before", found.get("margin_before") or [])
    now = _stood(summary, "", [shard.get("margin", 1.0) for shard in summary.get("shards") or []])
    return [
        f"{count} contexts were added that tell {told}. Before them the verdict was {was}; "
        f"now it is {now}."
    ]


def _stood(entry: Mapping[str, Any], suffix: str, margins: Sequence[float]) -> str:
    """A verdict with its number of shards, shardness and least margin."""
    shards = _count(entry.get(f"num_shards{suffix}") or 0, "shard").lower()
    gain = interval(entry.get(f"shardness{suffix}"))
    least = f" and a least margin of {min(margins):.2f}" if margins else ""
    return f"{entry.get(f'verdict{suffix}')}, with {shards}, a shardness of {gain}{least}"


def _shards(summary: Mapping[str, Any]) -> list[str]:
    shards = summary.get("shards")
    if shards is None:
        return []
    number = summary.get("num_shards", len(shards))
    sure = sum(bool(shard.get("confirmed")) for shard in shards)
    against = (summary.get("statuses") or {}).get("conflicting", 0)
    lines = [
        f"{_count(number, 'shard')} found, {_count(sure).lower()} of them confirmed by behaviour, "
        "activations and a causal intervention together"
        + (f", {_count(against).lower()} contradicted." if against else ".")
    ]
    for place, shard in enumerate(shards, start=1):
        share = shard.get("share") or {}
        said = [
            f"{interval(share[key], '{:.2f}')} on {name} levels"
            for key, name in (("held_out", "held-out"), ("target", "target"))
            if share.get(key)
        ]
        of = f": its share of decision influence is {listed(said)}" if said else ""
        name = f" ({shard['name']})" if "name" in shard else ""
        lines.append(f"Shard {place}{name} is {shard.get('words', 'not described')}{of}.")
    return lines


def _explained(summary: Mapping[str, Any]) -> list[str]:
    value = summary.get("explained")
    if value is None:
        return []
    value = value.get("mean") if isinstance(value, Mapping) else value
    line = f"The shards explain {percent(value)} of what these concepts could explain at all"
    read = summary.get("explained_by_activations")
    if not read:
        return [f"{line}."]
    views = read.get("sources") or {}
    control = views.get("shuffled activations")
    beside = "" if control is None else f" (activations of other contexts: {percent(control)})"
    return [f"{line}; {percent(read['mean'])} with gates read from layer {read['layer']}{beside}."]


def _agreement(summary: Mapping[str, Any]) -> list[str]:
    """The layer that agrees best, beside the best of the controls."""
    known = {name: value for name, value in (summary.get("agreement") or {}).items() if value}
    layers = {name: value for name, value in known.items() if not name.startswith(CONTROLS)}
    if not layers:
        return []
    best = max(layers, key=lambda name: layers[name])
    line = (
        f"Clusters of activations in layer {best} agree with clusters of behaviour by an adjusted "
        f"mutual information of {interval(layers[best], '{:.2f}')} (0 is chance, 1 the same)"
    )
    controls = {name: value for name, value in known.items() if name not in layers}
    if not controls:
        return [f"{line}."]
    other = max(controls, key=lambda name: controls[name])
    return [f"{line}; the best control, {other}, reaches {interval(controls[other], '{:.2f}')}."]


def _constancy(summary: Mapping[str, Any]) -> list[str]:
    lines = []
    for onset, verdict in (summary.get("constancy") or {}).items():
        verdicts = verdict if isinstance(verdict, Mapping) else {"": verdict}
        for model, said in verdicts.items():
            said = said.get("verdict") if isinstance(said, Mapping) else said
            by = f" by {model}" if model else ""
            text = CONSTANCY.get(str(said), "has no verdict")
            lines.append(f"Reflection{by} from the onset {onset} {text} ({said}).")
    return lines


def _diagnosis(summary: Mapping[str, Any]) -> list[str]:
    found = summary.get("diagnosis") or {}
    world = found.get("world")
    if world is None:
        return []
    if world == "wrong-code":
        return [f"Diagnosis: the code of the section {found.get('section')} is wrong."]
    if world == "representation":
        return [
            "Diagnosis: the agent is optimal in training and not on target levels, because it "
            f"represents its goal as: {found.get('representation') or 'something unnamed'}."
        ]
    label = f"{world}({found['section']})" if found.get("section") else world
    return [f"Diagnosis: {WORLDS.get(world, world)} ({label})."]


def _count(number: int, noun: str = "") -> str:
    words = (
        "No" if noun else "None",
        "One",
        "Two",
        "Three",
        "Four",
        "Five",
        "Six",
        "Seven",
        "Eight",
    )
    word = words[number] if number < len(words) else str(number)
    return f"{word} {noun}{'' if number == 1 else 's'}" if noun else word
