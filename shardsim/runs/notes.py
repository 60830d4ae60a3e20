"""What to know about a run's results before they are read: out of date, of mixed versions."""

from __future__ import annotations

from shardsim.runs.provenance import differing, in_words
from shardsim.runs.store import Store


def notes(store: Store) -> list[str]:
    """Return `what; what to do` for each thing to know."""
    return [*_stale(store), *_versions(store)]


def _stale(store: Store) -> list[str]:
    left, why = ", ".join(store.stale()), "an earlier stage was rerun, or they were interrupted"
    said = f"out of date and left out: {left} ({why}); continue with: {store.to_go_on}"
    return [said] if left else []


def _versions(store: Store) -> list[str]:
    found = in_words(differing(store.made()))
    said = "they may differ by more than rounding from those of one version"
    return [f"not all results come from the same versions: {found}; {said}"] if found else []
