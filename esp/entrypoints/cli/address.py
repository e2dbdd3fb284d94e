"""Commands for addresses: `esp address check`."""

from __future__ import annotations

import sys

import click


@click.group()
def address() -> None:
    """Judge e-mail addresses."""


@address.command()
def check() -> None:
    """Read addresses, one a line, and print what becomes of each as a line of JSON."""
    import orjson

    from esp.addresses import check as judge

    write = sys.stdout.buffer.write
    # As bytes: what is no UTF-8 must be judged too, not end the run.
    for line in sys.stdin.buffer:
        text = line.rstrip(b"\r\n").decode("utf-8", "replace")
        judged = judge(text)
        row = {
            "address": text,
            "valid": judged.valid,
            "normalized": judged.normalized,
            "reason": judged.reason,
        }
        write(orjson.dumps(row) + b"\n")
