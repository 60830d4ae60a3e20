"""The reference of the tables, generated from schemas: `python -m shardsim.runs.table_docs`."""

from __future__ import annotations

from collections.abc import Mapping

from shardsim.agent.schema import TRAINING
from shardsim.base.schema import Schema, Variable
from shardsim.reflection.schema import REFLECTION, SELF_MODIFICATION, STABILITY
from shardsim.shards.schema import SHARDS, TRACK

HEAD = """# Table reference

Generated from the `schema.py` of `agent`, `shards` and `reflection` by
`python -m shardsim.runs.table_docs`; do not edit.
Every variable also carries its meaning and unit as the attributes `long_name` and `units`. What was
not measured is not there: activations and interventions need a network, updates need checkpoints.
"""
TABLES = {
    "training.nc": TRAINING,
    "shards.nc": SHARDS,
    "track.nc": TRACK,
    "reflection.nc": REFLECTION,
    "stability.nc": STABILITY,
    "ss.self_modify(run).dataset": SELF_MODIFICATION,
}


def reference() -> str:
    """Return the whole reference as Markdown: variables and coordinates of each table."""
    return HEAD + "".join(_table(name, schema) for name, schema in TABLES.items())


def _table(name: str, schema: Schema) -> str:
    dims = {dim for variable in schema.variables.values() for dim in variable.dims}
    along = {name: one for name, one in schema.coordinates.items() if set(one.dims) <= dims}
    parts = [f"\n## {name}", _rows("variable", schema.variables), _rows("coordinate", along)]
    return "\n\n".join(parts) + "\n"


def _rows(kind: str, variables: Mapping[str, Variable]) -> str:
    rows = [
        f"| `{name}` | {', '.join(one.dims)} | {one.long_name} | {one.units} |"
        for name, one in variables.items()
    ]
    return "\n".join([f"| {kind} | dims | meaning | unit |", "|---|---|---|---|", *rows])


if __name__ == "__main__":
    print(reference(), end="")
