"""`esp run`: servers, migrations, demo data and every part of the product, ended together."""

from __future__ import annotations

import http.client
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from esp import lifeline, places
from esp.config import Settings, variable
from esp.entrypoints.run import berth, embedded, ports, sources
from esp.entrypoints.run.child import Child
from esp.entrypoints.run.embedded import Running
from esp.errors import SettingError

if TYPE_CHECKING:
    from esp.runtime import Runtime

PARTS = {
    "web": ("web",),
    "worker": ("worker",),
    "sending": ("worker", "--sending"),
    "ticker": ("ticker",),
    "inbound": ("inbound",),
    "mailbox": ("mailbox",),
}
LOCK_SECONDS = 6.0
# The other parts start once the web answers, or when it takes longer than this.
HEAD_START_SECONDS = 8.0
WEB_STOP_SECONDS = 2.5
STOP_SECONDS = 4.0
TICK_SECONDS = 0.1
SOURCE_TICKS = 10


class _Stopped(BaseException):
    """A signal asked the supervisor to stop; like KeyboardInterrupt nothing may swallow it."""


class Supervisor:
    """Owns the data folder, the lifeline and the children for the life of one `esp run`."""

    def __init__(
        self,
        settings: Settings,
        first_page: Callable[[Runtime], str],
        *,
        reload: bool = False,
        with_parent: bool = False,
    ) -> None:
        """`first_page` prepares the first run and returns the address to sign in with."""
        data_dir = settings.data_dir.resolve()
        self.settings = settings.model_copy(update={"data_dir": data_dir})
        self.line = data_dir / "run" / "lifeline"
        self.first_page = first_page
        self.reload = reload
        self.parent = os.getppid() if with_parent else None
        self.embedded: list[Callable[[Path, Path], Running]] = []
        self.servers: dict[Callable[[Path, Path], Running], Running] = {}
        self.children: list[Child] = []
        # With `reload`: the sources as they were looked at last, and what no part has yet of them.
        self.seen = sources.stamps() if reload else {}
        self.changed: set[Path] = set()

    def run(self) -> int:
        """Run until a signal; the exit status."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            with ExitStack() as stack:
                self._run(stack)
        except _Stopped:
            pass
        return 0

    def _run(self, stack: ExitStack) -> None:
        lock = stack.enter_context(self._lock())
        ports.check(self.settings)
        holder = lifeline.hold(self.line)
        stack.callback(os.close, holder)
        lifeline.gate(self.line).unlink(missing_ok=True)
        self._name_servers()
        self.children = [self._child(name, words, lock) for name, words in PARTS.items()]
        web, *others = self.children
        stack.callback(self._stop_servers)
        stack.callback(self._stop_children)
        web.start()  # its imports take longer than all that it waits for at the gate
        self._start_servers()
        self._migrate()
        link = self._prepare()
        lifeline.gate(self.line).touch()
        answers = self._wait_for_web(web)
        for child in others:
            child.start()
        if self.reload:
            self.children += self._asset_builder(lock)
        self._announce(link, answers)
        self._keep()

    @contextmanager
    def _lock(self) -> Iterator[int]:
        """The lock of this installation; of one that was killed, the rest may still be ending."""
        seconds = 0.0 if lifeline.holds(self.line) else LOCK_SECONDS
        try:
            lock = berth.take_lock(self.settings.data_dir, "esp run", seconds)
        except SettingError:
            ports.check(self.settings)
            raise
        try:
            yield lock
        finally:
            os.close(lock)

    def _name_servers(self) -> None:
        """Where the embedded servers will be found, and which they are."""
        data_dir = self.settings.data_dir
        update: dict[str, str] = {}
        if not self.settings.database_url:
            self.embedded.append(embedded.start_postgres)
            app, owner = embedded.database_urls(data_dir)
            update.update(database_url=app, database_owner_url=owner)
        if not self.settings.redis_url:
            self.embedded.append(embedded.start_valkey)
            update.update(redis_url=embedded.redis_url(data_dir))
        if not self.settings.mailbox_bind:
            update.update(mailbox_bind=ports.any_free())
        self.settings = self.settings.model_copy(update=update)

    def _start_servers(self) -> None:
        for start in self.embedded:
            self._start_server(start)

    def _start_server(self, start: Callable[[Path, Path], Running]) -> None:
        self.servers[start] = start(self.settings.data_dir, self.line)

    def _keep_servers(self) -> None:
        for start, running in tuple(self.servers.items()):
            if running.process.poll() is not None:
                tell(f"{running.name} ended; starting it again")
                self._start_server(start)

    def _stop_servers(self) -> None:
        for running in self.servers.values():
            running.stop()
        berth.remove_sockets(self.settings.data_dir)

    def _migrate(self) -> None:
        # Here and below, not above: the web is to start before so much is imported.
        from esp.entrypoints.run import migrate

        settings = self.settings
        migrate.upgrade(settings.database_url, settings.database_owner_url or settings.database_url)

    def _prepare(self) -> str:
        from esp.runtime import Runtime

        runtime = Runtime.from_settings(self.settings)
        try:
            return self.first_page(runtime)
        finally:
            runtime.close()

    def _child(self, name: str, words: tuple[str, ...], lock: int) -> Child:
        return Child(
            name=name,
            command=[sys.executable, "-m", "esp.entrypoints.cli", *words],
            environment=self._environment(),
            log=self._log(name),
            lock=lock,
            tell=tell,
        )

    def _environment(self) -> dict[str, str]:
        owner = variable("database_owner_url")
        kept = {k: v for k, v in os.environ.items() if k not in (owner, f"{owner}_FILE")}
        given = ("database_url", "redis_url", "mailbox_bind", "data_dir")
        said = {variable(name): str(getattr(self.settings, name)) for name in given}
        if self.reload:
            said[places.RELOAD_VARIABLE] = "1"
        return {**kept, **said, lifeline.VARIABLE: str(self.line), "PYTHONUNBUFFERED": "1"}

    def _log(self, name: str) -> Path:
        folder = self.settings.data_dir / "log"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name}.log"

    def _asset_builder(self, lock: int) -> list[Child]:
        sources = places.PACKAGE.parent / "assets"
        node = Path(sys.executable).parent / "node"
        command = [sys.executable, "-m", "esp.entrypoints.run.tether", str(self.line), "TERM", "-"]
        command += ["--", str(node), str(sources / "build.mjs"), "--watch"]
        builder = Child("assets", command, self._environment(), self._log("assets"), lock, tell)
        builder.start()
        return [builder]

    def _wait_for_web(self, web: Child) -> bool:
        deadline = time.monotonic() + HEAD_START_SECONDS
        while time.monotonic() < deadline:
            if _answers(self.settings.bind):
                return True
            web.keep(time.monotonic())
            time.sleep(TICK_SECONDS)
        return False

    def _announce(self, link: str, answers: bool) -> None:
        if not answers:
            tell(f"the web does not answer yet; see {self._log('web')}")
        print(f"\nesp runs at {self.settings.public_url}", flush=True)
        print(f"Sign in: {link}", flush=True)
        print("Ctrl-C stops it.\n", flush=True)

    def _keep(self) -> None:
        for tick in _ticks():
            if self.parent not in (None, os.getppid()):
                return
            self._keep_servers()
            now = time.monotonic()
            for child in self.children:
                child.keep(now)
            if self.reload and tick % SOURCE_TICKS == 0:
                self._follow_changes()

    def _follow_changes(self) -> None:
        """Start again what has loaded a changed file, once all of them can be read."""
        before, self.seen = self.seen, sources.stamps()
        if before == self.seen:
            return
        self.changed |= sources.changed(before, self.seen)
        if wrong := sources.mistakes(self.changed):
            for mistake in wrong:
                tell(f"{mistake}; the parts run on as they were")
            return
        parts = sources.parts_of(self.changed, PARTS)
        again = [child for child in self.children if child.name in parts]
        if again:
            tell(f"a source file changed; starting again: {', '.join(c.name for c in again)}")
        _stop(again, STOP_SECONDS)
        if sources.are_of_the_schema(self.changed):
            self._migrate()
        for child in again:
            child.start()
        self.changed.clear()

    def _stop_children(self) -> None:
        """The web first, so that no new work comes in; then all others at once."""
        _stop(self.children[:1], WEB_STOP_SECONDS)
        _stop(self.children, STOP_SECONDS)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # make and the terminal send the same signal twice; stopping takes seconds at most.
            signal.signal(each, signal.SIG_IGN)
        tell("stopping")
        raise _Stopped


def tell(text: str) -> None:
    """One line for the terminal."""
    print(f"· {text}", flush=True)


def _stop(children: Sequence[Child], seconds: float) -> None:
    for child in children:
        child.ask_to_stop()
    deadline = time.monotonic() + seconds
    for child in children:
        child.wait_stopped(deadline - time.monotonic())


def _answers(bind: str) -> bool:
    host, port = ports.reachable(bind)
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("HEAD", "/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _ticks() -> Iterator[int]:
    tick = 0
    while True:
        time.sleep(TICK_SECONDS)
        tick += 1
        yield tick
