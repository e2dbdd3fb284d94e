"""The SMTP server that takes bounces, replies by programs, and unsubscribes by mail."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import time
from dataclasses import dataclass

from aiosmtpd.smtp import SMTP, Envelope, Session, syntax
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from esp.delivery.plan import urls
from esp.delivery.return_path import NoticeRef, whose
from esp.entrypoints.tasks import wake
from esp.errors import SettingError
from esp.returns import receive
from esp.runtime import Runtime
from esp.tokens import RecipientRef, read_recipient_token

log = logging.getLogger(__name__)

LARGEST = 10 * 1024 * 1024
MOST_RECIPIENTS = 20
IDLE_SECONDS = 120
# RFC 5321 §4.5.1, RFC 2142: always taken.
OPERATOR = frozenset(("postmaster", "abuse"))
# Seconds until a domain that is not known is looked up again.
_REMEMBERED = 5.0
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_BARE_POSTMASTER = re.compile(r"to:\s*<postmaster>\s*", re.IGNORECASE).fullmatch


@dataclass(frozen=True)
class Meant:
    """Whom a recipient address means; `ref` None for the operator."""

    purpose: receive.Purpose
    ref: RecipientRef | NoticeRef | None


class StrictReader:
    """A stream reader that takes CRLF alone as the end of a command (SMTP-21)."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._wrapped = reader

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        line = await self._wrapped.readuntil(separator)
        if separator == b"\n" and (not line.endswith(b"\r\n") or b"\r" in line[:-2]):
            # No command in ASCII: the server answers 500 and does nothing.
            return b"\xff\r\n"
        return line

    async def read(self, size: int = -1) -> bytes:
        return await self._wrapped.read(size)

    @property
    def has_more(self) -> bool:
        """Whether something came that nobody has asked for yet."""
        return bool(getattr(self._wrapped, "_buffer", b""))


class Server(SMTP):
    """aiosmtpd's server, stricter about line ends and about what comes before it may."""

    # Servers that write reports are not all careful about long lines.
    line_length_limit = 65_536

    def _cb_client_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        super()._cb_client_connected(StrictReader(reader), writer)  # type: ignore[arg-type]  # what of it is used, it has

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802  # aiosmtpd's name
        """Refuse what is sent before 354: it was meant for a server that reads ends differently."""
        if isinstance(self._reader, StrictReader) and self._reader.has_more:
            await self.push("554 5.5.0 DATA must be the last command before its answer")
            if self.transport is not None:
                self.transport.close()
            return
        await super().smtp_DATA(arg)

    @syntax("RCPT TO: <address>")
    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802  # aiosmtpd's name
        """RFC 5321 §4.1.1.3: postmaster needs no domain."""
        if arg is not None and _BARE_POSTMASTER(arg):
            arg = f"TO:<postmaster@{self.hostname}>"
        await super().smtp_RCPT(arg)


class Domains:
    """Those that mail is taken for: the installation's, and the return paths of accounts."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._own = runtime.settings.bounce_domain.lower()
        self._known: frozenset[str] = frozenset()
        self._read_at = float("-inf")

    def has(self, domain: str) -> bool:
        """Looked up in the database, but not at the pace of who tries names."""
        domain = domain.lower()
        if domain == self._own or domain in self._known:
            return True
        now = time.monotonic()
        if now - self._read_at < _REMEMBERED:
            return False
        with self._runtime.transaction(None) as session:
            hosts = session.scalars(text("SELECT return_path_hosts()"))
            self._known, self._read_at = frozenset(hosts), now
        return domain in self._known


class Door:
    """Says at RCPT for whom mail is taken, and 250 only when it is committed."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._domains = Domains(runtime)

    def meant(self, address: str) -> Meant | None:
        """Whom an address means; None for one that is not ours or not signed by us."""
        local, _, domain = address.rpartition("@")
        if not self._domains.has(domain):
            return None
        if local.lower() in OPERATOR:
            return Meant("bounce", None)
        found = urls.read_local_part(local)
        if found is None:
            return None
        ref: RecipientRef | NoticeRef | None
        if found[0] == "bounce":
            ref = whose(self._runtime.keyring, address)
        else:
            ref = read_recipient_token(self._runtime.keyring, found[1])
        return Meant(found[0], ref) if ref is not None else None

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        try:
            meant = await asyncio.to_thread(self.meant, address)
        except SQLAlchemyError as error:
            log.warning("Domains can't be read: %s", str(error).partition("\n")[0])
            return "451 4.3.0 it can't be looked up at present"
        if meant is None:
            return "550 5.1.1 there is no such address here"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 ok"

    async def handle_DATA(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        raw = envelope.content
        if not isinstance(raw, bytes) or _BARE.search(raw):
            return "554 5.6.0 lines end with CR and LF together"
        sender = "" if envelope.mail_from in (None, "<>") else str(envelope.mail_from)
        recipients = list(envelope.rcpt_tos)
        return await asyncio.to_thread(self._store, sender, recipients, raw)

    def _store(self, sender: str, recipients: list[str], raw: bytes) -> str:
        woken: set[int] = set()
        try:
            for address in dict.fromkeys(recipients):
                account_id = self._keep(sender, address, raw)
                if account_id is not None:
                    woken.add(account_id)
        except IntegrityError:
            return "550 5.1.1 that account is gone"
        except SQLAlchemyError as error:
            log.warning("What came back can't be stored: %s", str(error).partition("\n")[0])
            return "451 4.3.0 it can't be stored at present"
        for account_id in sorted(woken):
            wake(self._runtime, "inbound", account_id)
        return "250 2.0.0 kept"

    def _keep(self, sender: str, address: str, raw: bytes) -> int | None:
        """Commit one recipient's copy; the account to wake."""
        meant, now = self.meant(address), self._runtime.clock()
        sender, address = _storable(sender), _storable(address)
        if meant is None or meant.ref is None:
            with self._runtime.transaction(None) as session:
                receive.keep_for_postmaster(session, sender, address, raw, now)
            return None
        ref = meant.ref
        if isinstance(ref, NoticeRef):
            broadcast_id, seq = receive.NO_BROADCAST, ref.notice_id
        else:
            broadcast_id, seq = ref.broadcast_id, ref.seq
        with self._runtime.transaction(ref.account_id) as session:
            receive.keep(
                session,
                ref.account_id,
                purpose=meant.purpose,
                broadcast_id=broadcast_id,
                seq=seq,
                mail_from=sender,
                rcpt_to=address,
                raw=raw,
                at=now,
            )
        return ref.account_id


def _storable(address: str) -> str:
    """As text that PostgreSQL takes, whatever bytes it was."""
    return address.encode("utf-8", "replace").decode().replace("\0", "")


def run(runtime: Runtime) -> None:
    """Serve on ESP_INBOUND_BIND until SIGTERM or SIGINT."""

    async def until_told() -> None:
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        server = await serve(runtime)
        async with server:
            await stopped.wait()

    asyncio.run(until_told())


async def serve(runtime: Runtime) -> asyncio.Server:
    """The listening server; SettingError when its place is taken."""
    loop = asyncio.get_running_loop()
    host, _, port = runtime.settings.inbound_bind.rpartition(":")
    door = Door(runtime)

    def connected() -> SMTP:
        return Server(
            door,
            data_size_limit=LARGEST,
            enable_SMTPUTF8=True,
            hostname=runtime.settings.bounce_domain,
            ident="ESMTP",
            timeout=IDLE_SECONDS,
            command_call_limit={"NOOP": 20, "*": 200},
            loop=loop,
        )

    try:
        return await loop.create_server(connected, host.strip("[]"), int(port))
    except OSError as error:
        raise SettingError(
            f"ESP_INBOUND_BIND: {runtime.settings.inbound_bind} can't be used: {error.strerror}."
        ) from error
