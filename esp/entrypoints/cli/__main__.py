"""`python -m esp.entrypoints.cli`: the `esp` command of this very interpreter."""

from esp.entrypoints.cli import main

main(prog_name="esp")
