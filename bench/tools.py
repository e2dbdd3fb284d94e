"""Finds the programs of others that benches measure against, and says who has them."""

from __future__ import annotations

import os
import shutil

# Debian's packages.
PACKAGES = {
    "smtp-source": "postfix",
    "smtp-sink": "postfix",
    "wrk": "wrk",
    "h2load": "nghttp2-client",
    "openssl": "openssl",
}
# Names a folder to look in first, for a package that was only unpacked.
VARIABLE = "BENCH_TOOLS"


class ToolMissingError(Exception):
    """A bench can't go on without a tool."""

    def __init__(self, tool: str) -> None:
        super().__init__(
            f"{tool} is missing: install Debian's package {PACKAGES[tool]},"
            f" or name its folder in {VARIABLE}"
        )


def find(tool: str) -> str:
    """The path of a tool; ToolMissingError when it is nowhere."""
    folders = [os.environ.get(VARIABLE, ""), os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]
    found = shutil.which(tool, path=os.pathsep.join(filter(None, folders)))
    if found is None:
        raise ToolMissingError(tool)
    return found
