"""The local mailbox's SMTP server: takes what the senders send while no transport is configured."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import Counter

from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from esp.delivery.return_path import whose
from esp.mailbox.headers import sender_and_subject
from esp.mailbox.keep import Arrived, keep, prune
from esp.runtime import Runtime
from esp.tokens import RecipientRef

log = logging.getLogger(__name__)

_LARGEST = 50 << 20
_GROUP = 200
_PRUNE_EVERY = 1000


class Mailbox:
    """Takes messages, many at once, and answers 250 when they are committed."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._waiting: asyncio.Queue[tuple[Arrived, asyncio.Future[str]]] = asyncio.Queue()
        self._since_pruned: Counter[int] = Counter()

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Only what our own senders send, whose return path says for whom."""
        if whose(self._runtime.keyring, address) is None:
            return "550 5.7.1 this mailbox takes mail of this installation only"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 ok"

    async def handle_DATA(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """250 once every recipient's copy is committed."""
        mail_from = envelope.mail_from or ""
        reference = whose(self._runtime.keyring, mail_from)
        content = envelope.content
        if reference is None or not isinstance(content, bytes):
            return "554 5.6.0 the message can't be taken"
        copy = reference if isinstance(reference, RecipientRef) else None
        sender, subject = sender_and_subject(content)
        answers = []
        for rcpt in envelope.rcpt_tos:
            answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            arrived = Arrived(
                account_id=reference.account_id,
                mail_from=mail_from,
                rcpt_to=rcpt,
                sender=sender,
                subject=subject,
                raw=content,
                received_at=self._runtime.clock(),
                broadcast_id=copy.broadcast_id if copy else None,
                seq=copy.seq if copy else None,
            )
            self._waiting.put_nowait((arrived, answer))
            answers.append(answer)
        return max(await asyncio.gather(*answers))

    async def store(self) -> None:
        """Commit what has come in, one group after the other, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            group = [await self._waiting.get()]
            while len(group) < _GROUP and not self._waiting.empty():
                group.append(self._waiting.get_nowait())
            arrived = [one for one, _ in group]
            reply = await loop.run_in_executor(None, self._keep, arrived)
            for _, answer in group:
                if not answer.done():
                    answer.set_result(reply)

    def _keep(self, arrived: list[Arrived]) -> str:
        try:
            with self._runtime.transaction(None) as session:
                keep(session, arrived)
            self._since_pruned.update(one.account_id for one in arrived)
            for account_id, number in list(self._since_pruned.items()):
                if number >= _PRUNE_EVERY:
                    del self._since_pruned[account_id]
                    with self._runtime.transaction(account_id) as session:
                        prune(session, account_id)
        except (DBAPIError, PoolTimeout) as error:
            log.warning("The mailbox can't store: %s", str(error).partition("\n")[0])
            return "451 4.3.0 the mailbox can't store anything at present"
        return "250 2.0.0 kept"


def run(runtime: Runtime) -> None:
    """Serve on ESP_MAILBOX_BIND until SIGTERM or SIGINT."""

    async def until_told() -> None:
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        await serve(runtime, stopped)

    asyncio.run(until_told())


async def serve(runtime: Runtime, stopped: asyncio.Event) -> None:
    """Serve on ESP_MAILBOX_BIND until `stopped`."""
    loop = asyncio.get_running_loop()
    mailbox = Mailbox(runtime)
    host, _, port = runtime.settings.mailbox_bind.rpartition(":")

    def connected() -> SMTP:
        return SMTP(
            mailbox,
            data_size_limit=_LARGEST,
            enable_SMTPUTF8=True,
            hostname="mailbox.localhost",
            ident="mailbox",
            loop=loop,
        )

    server = await loop.create_server(connected, host.strip("[]"), int(port))
    storing = asyncio.create_task(mailbox.store())
    async with server:
        waiting = asyncio.create_task(stopped.wait())
        await asyncio.wait((waiting, storing), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if storing.done():
        storing.result()
    storing.cancel()
