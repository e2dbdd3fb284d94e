"""How fast opens and clicks are answered, against a WSGI application that only says hello.

    python -m bench track

Both are served by granian with the same number of processes and threads and asked by wrk for the
same addresses, in turns. What was answered must be in the database in the end.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from sqlalchemy import text

from bench.results import Figure, figure
from bench.servers import Servers, servers
from bench.tools import find
from esp.db import enter_account
from esp.delivery.plan import urls
from esp.delivery.shipping import ship_hits
from esp.entrypoints.cli.parts import WEB_THREADS
from esp.runtime import Runtime
from esp.tokens import RecipientSigner

RECIPIENTS, LINKS = 20_000, 30
WORKERS, CONNECTIONS = 2, 32
SECONDS, QUICK_SECONDS = 6, 2
GOAL = 0.70
BROADCAST = 1

_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_REQUESTS = re.compile(r"(\d+) requests in")
_WRONG = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s)")
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}

_SCRIPT = """
local paths = {}
for line in io.lines("%s") do paths[#paths + 1] = line end
local n = math.random(#paths)
request = function()
  n = n %% #paths + 1
  return wrk.format("GET", paths[n])
end
"""


def hello(environ: object, start_response: object) -> Iterable[bytes]:
    """The least an application can do."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return (b"hello",)


def run(rounds: int, quick: bool) -> list[Figure]:
    wrk = find("wrk")
    seconds = QUICK_SECONDS if quick else SECONDS
    with servers() as running:
        fill(running.runtime)
        scripts = write_scripts(running)
        ours, theirs = free_port(), free_port()
        with serving(running, product_command(), ours), serving(running, hello_command(), theirs):
            measured = Measured(wrk, seconds, scripts)
            for _ in range(rounds):
                measured.round(ours, theirs, lambda: settle(running.runtime))
            check_stored(running.runtime, measured)
    return measured.figures()


class Measured:
    """What wrk saw, a number for each round."""

    def __init__(self, wrk: str, seconds: int, scripts: dict[str, Path]) -> None:
        self._wrk, self._seconds, self._scripts = wrk, seconds, scripts
        self.rates: dict[str, list[float]] = {name: [] for name in scripts}
        self.ratios: dict[str, list[float]] = {name: [] for name in scripts}
        self.late: dict[str, list[float]] = {name: [] for name in scripts}
        self.answered = 0

    def round(self, ours: int, theirs: int, settle: Callable[[], int]) -> None:
        for name, script in self._scripts.items():
            # What we still have to store must not slow down the other.
            settle()
            base = self._ask(theirs, script)
            mine = self._ask(ours, script)
            wrong = _WRONG.search(mine)
            if wrong:
                raise SystemExit(f"{wrong[1]} answers were wrong")
            self.rates[name].append(_number(_RATE, mine))
            self.ratios[name].append(_number(_RATE, mine) / _number(_RATE, base))
            found = _P99.search(mine)
            self.late[name].append(float(found[1]) * _MILLISECONDS[found[2]] if found else 0.0)
            self.answered += int(_number(_REQUESTS, mine))

    def _ask(self, port: int, script: Path) -> str:
        command = [self._wrk, "-t1", f"-c{CONNECTIONS}", f"-d{self._seconds}", "--latency"]
        command += ["-s", str(script), f"http://127.0.0.1:{port}/"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def figures(self) -> list[Figure]:
        found = []
        for name in self._scripts:
            found += [
                figure("track", f"{name}s against hello", self.ratios[name], "", goal=GOAL),
                figure("track", f"{name}s", self.rates[name], "1/s"),
                figure("track", f"{name}, 99 %", self.late[name], "ms", better="lower", goal=100),
            ]
        return found


def fill(runtime: Runtime) -> None:
    """An account with a broadcast that went to RECIPIENTS people."""
    with runtime.transaction(None) as session:
        account_id = session.scalars(text("SELECT nextval('accounts_id_seq')")).one()
        enter_account(session, account_id)
        values = {"a": account_id, "b": BROADCAST, "n": RECIPIENTS, "links": LINKS}
        for statement in (
            "INSERT INTO accounts (id, slug, name, tracking) VALUES (:a, 'bench', 'Bench', 'all')",
            "INSERT INTO contacts (account_id, email)"
            " SELECT :a, 'person' || n || '@customers.example' FROM generate_series(1, :n) n",
            "SELECT make_ledger_partition(:b)",
            "INSERT INTO dispatches (account_id, broadcast_id, content, settings,"
            " include_list_ids, exclude_list_ids, tracking)"
            " VALUES (:a, :b, '{}', '{}', '{}', '{}', 'all')",
            "INSERT INTO recipients (account_id, broadcast_id, seq, contact_id, email,"
            " provider_id, state) SELECT :a, :b, row_number() OVER (ORDER BY id), id, email, 1,"
            " 'sent' FROM contacts",
            "INSERT INTO links (account_id, broadcast_id, number, target)"
            " SELECT :a, :b, n, 'https://shop.example/products/' || n"
            " FROM generate_series(0, :links - 1) n",
        ):
            session.execute(text(statement), values)


def write_scripts(running: Servers) -> dict[str, Path]:
    """What wrk asks for: pictures and links of everybody."""
    signer = RecipientSigner(running.runtime.keyring, 1, BROADCAST)
    tokens = [signer.token(seq) for seq in range(1, RECIPIENTS + 1)]
    paths = {
        "open": [urls.pixel_url("", token) for token in tokens],
        "click": [urls.click_url("", token, n % LINKS) for n, token in enumerate(tokens)],
    }
    scripts = {}
    for name, found in paths.items():
        asked = running.settings.data_dir / f"{name}s.txt"
        asked.write_text("\n".join(found) + "\n")
        scripts[name] = asked.with_suffix(".lua")
        scripts[name].write_text(_SCRIPT % asked)
    return scripts


def product_command() -> list[str]:
    return [sys.executable, "-m", "esp.entrypoints.cli", "web"]


def hello_command() -> list[str]:
    """The same server with the same processes and threads."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", str(WORKERS)]
    command += ["--blocking-threads", str(WEB_THREADS), "--no-access-log", "--host", "127.0.0.1"]
    return [*command, "--port", "{port}", "bench.track:hello"]


@contextmanager
def serving(running: Servers, command: list[str], port: int) -> Iterator[None]:
    """Start, wait for the first answer, stop."""
    environment = running.environment(bind=f"127.0.0.1:{port}", web_workers=WORKERS)
    words = [word.replace("{port}", str(port)) for word in command]
    log = running.settings.data_dir / f"web-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        wait_for_answer(process, port, log)
        yield
    finally:
        process.terminate()
        process.wait(15)


def wait_for_answer(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/o/x.gif", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(log.read_text(errors="replace")[-4000:])


def settle(runtime: Runtime) -> int:
    """Wait until nothing more is stored; how many hits there are."""
    before, now = -1, stored(runtime)
    while now != before:
        time.sleep(1.5)
        before, now = now, stored(runtime)
    return now


def stored(runtime: Runtime) -> int:
    with runtime.transaction(1) as session:
        found = session.scalars(text("SELECT coalesce(sum(opens + clicks), 0) FROM recipients"))
        return int(found.one())


def check_stored(runtime: Runtime, measured: Measured) -> None:
    """Every answer's hit is stored; wrk hangs up on some whose answers it never read."""
    ship_hits(runtime.transaction, runtime.journal_folder)
    kept = stored(runtime)
    unread = sum(map(len, measured.rates.values())) * CONNECTIONS
    if not measured.answered <= kept <= measured.answered + unread:
        raise SystemExit(f"{measured.answered} were answered and {kept} are stored")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _number(pattern: re.Pattern[str], output: str) -> float:
    found = pattern.search(output)
    if found is None:
        raise SystemExit(output)
    return float(found[1])
