"""Makes .venv as requirements.lock says, with uv from the index that pip is configured for."""

from __future__ import annotations

import ast
import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV_VERSION = "0.13.9"
UV_FOLDER = ROOT / "var" / "uv"
VENV = ROOT / ".venv"
LOCK_FILE = ROOT / "requirements.lock"
SYNCED = VENV / ".synced"
READY = VENV / ".ready"

# uv does not read pip's configuration: option of pip, variable of uv.
OPTIONS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}


def main() -> None:
    UV_FOLDER.parent.mkdir(exist_ok=True)
    with (UV_FOLDER.parent / "environment.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make()


def make() -> None:
    uv = find_uv()
    environ = as_uv_reads_it(pip_configuration())
    if not (VENV / "bin" / "python").exists():
        run(uv, "venv", "-q", "--allow-existing", "--python", sys.executable, VENV, environ=environ)
    into = ("-q", "--python", VENV / "bin" / "python")
    digest = hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()
    if not SYNCED.exists() or SYNCED.read_text() != digest:
        say("installing the locked packages into .venv")
        # Compiled once, here: where Python may not keep bytecode, each start would compile it anew.
        hashed = ("--compile-bytecode", "--require-hashes", LOCK_FILE)
        run(uv, "pip", "sync", *into, *hashed, environ=environ)
        SYNCED.write_text(digest)
    own = ("--no-deps", "--no-index", "--no-build-isolation", "--editable", ROOT)
    run(uv, "pip", "install", *into, *own, environ=environ)
    run(VENV / "bin" / "python", "-m", "compileall", "-q", ROOT / "esp", environ=environ)
    READY.touch()


def find_uv() -> Path:
    """uv, put into a small environment of its own the first time."""
    uv = UV_FOLDER / "bin" / "uv"
    if uv.exists():
        return uv
    say(f"fetching uv {UV_VERSION}")
    wanted = ("install", "-q", "--disable-pip-version-check", f"uv=={UV_VERSION}")
    if succeeds(sys.executable, "-m", "venv", UV_FOLDER):
        run(UV_FOLDER / "bin" / "python", "-m", "pip", *wanted)
    elif not succeeds(sys.executable, "-m", "pip", *wanted, "--target", UV_FOLDER):
        sys.exit("This Python has neither venv nor pip; on Debian: apt-get install python3-venv.")
    return uv


def pip_configuration() -> dict[str, str]:
    """Options of pip as its files and variables set them; the later in its list wins."""
    here = UV_FOLDER / "bin" / "python"
    python = here if here.exists() else sys.executable
    listed = subprocess.run(
        [python, "-m", "pip", "config", "list"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    found = {}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        found[name.rpartition(".")[2]] = str(ast.literal_eval(value))
    return found


def as_uv_reads_it(options: dict[str, str]) -> dict[str, str]:
    """The environment for uv; what it says already stays."""
    said = {
        variable: " ".join(options[option].split())
        for option, variable in OPTIONS.items()
        if option in options
    }
    return {**said, **os.environ, "VIRTUAL_ENV": str(VENV)}


def run(*command: str | Path, environ: dict[str, str] | None = None) -> None:
    status = subprocess.run(command, env=environ, cwd=ROOT).returncode
    if status:
        sys.exit(status)


def succeeds(*command: str | Path) -> bool:
    quiet = subprocess.DEVNULL
    return subprocess.run(command, stdout=quiet, stderr=quiet).returncode == 0


def say(text: str) -> None:
    print(f"· {text}", flush=True)


if __name__ == "__main__":
    main()
