"""`shardsim plot --help NAME`: the command's help, then the options of the figures named."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from typer.core import TyperCommand

from shardsim.base.errors import UserError


class PlotCommand(TyperCommand):
    """A command whose help knows which figure it is asked about."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the words, since `--help` ends the parsing of them."""
        ctx.meta["words"] = list(args)
        return super().parse_args(ctx, args)

    def get_help(self, ctx: Any) -> str:
        """The usual help, and that of each figure that the words name."""
        from shardsim.base import content
        from shardsim.runs.figures import help_of

        words = ctx.meta.get("words", [])
        folders = [after for word, after in pairwise(words) if word == "--figures"]
        parts = [super().get_help(ctx)]
        try:
            known = content.catalogue("analysis", folders)
            names = [word for word in words if word.replace("_", "-") in known]
            parts += [help_of(name, folders) for name in dict.fromkeys(names)]
        except UserError as error:  # a file that is broken has no options to list
            parts.append(f"shardsim: {error}")
        return "\n\n".join(parts)
