"""What ``--dry-run`` says."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from sqlembed.cli.estimate import Estimate


def show(found: Sequence[Estimate]) -> None:
    """Print estimates for people."""
    for one in found:
        click.secho(f"{one.embedding}, by {one.embedder}", bold=True)
        lines: list[tuple[str, object]] = [
            ("rows", one.rows),
            ("  with nothing to embed", one.blank),
            ("distinct texts", one.texts),
            ("  in the cache", "not known to this role" if one.cached is None else one.cached),
            ("tokens", "not known" if one.tokens is None else one.tokens),
        ]
        if one.truncated is not None:
            lines.append(("  texts longer than the model reads", one.truncated))
        lines.append(("time", _time(one)))
        for name, value in lines:
            shown = f"{value:,}" if isinstance(value, int) else value
            click.echo(f"  {name:<36}{shown}")
    click.echo("Nothing was changed.")


def documents(found: Sequence[Estimate]) -> list[dict[str, Any]]:
    """Return estimates for ``--json``."""
    return [dataclasses.asdict(one) for one in found]


def _time(one: Estimate) -> str:
    if one.seconds is None:
        return "not known"
    seconds = round(one.seconds)
    hours, minutes = divmod(seconds // 60, 60)
    said = f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds % 60} s"
    if seconds < 60:
        said = f"{one.seconds:.1f} s"
    return f"about {said}, as measured on {one.measured_on} texts" if one.measured_on else "none"
