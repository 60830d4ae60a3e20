"""A run as it shows itself in a notebook."""

from __future__ import annotations

from typing import Any

from shardsim.base import html
from shardsim.runs.store import ORDER


def as_html(run: Any) -> str:
    """Return what a `Run` is of and how far it is, with its shards where they are known."""
    rows = [
        ("env", run.config.env.id),
        ("seeds", ", ".join(map(str, run.seeds))),
        ("env steps of each seed", f"{run.config.train.total_steps:,}"),
        ("checkpoints", len(run.checkpoints)),
        ("finished stages", ", ".join(filter(run.store.finished, ORDER)) or "none"),
        *(("note", note) for note in run.notes),
    ]
    shards = run.shards._repr_html_() if run.store.has("shards.nc") else ""
    return html.table(f"run {run.path}", ("", ""), rows) + shards
