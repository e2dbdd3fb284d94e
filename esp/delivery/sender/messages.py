"""The broadcasts a process is sending: each compiled once, then filled for every recipient."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from esp.contacts.merge import columns_for
from esp.delivery import frozen
from esp.delivery.load import Audience, Ready
from esp.delivery.plan import MessagePlan, PlanRecipient, compile_plan
from esp.delivery.plan.urls import return_path
from esp.delivery.sender.routes import Exit, exit_of
from esp.delivery.sender.signers import Seal, Signers
from esp.delivery.smtp.envelope import Envelope
from esp.tokens import Keyring, RecipientSigner

_KEPT = 64


class Message:
    """One broadcast's plan, audience and pace."""

    __slots__ = (
        "_bounce_domain", "_data", "_plan", "_signer", "account_id", "audience", "broadcast_id",
        "exit", "from_domain", "rate", "seal",
    )  # fmt: skip

    def __init__(
        self,
        keyring: Keyring,
        account_id: int,
        broadcast_id: int,
        content: dict[str, Any],
        settings: dict[str, Any],
        audience: Audience,
        leaves: Exit,
        rate: int | None,
    ) -> None:
        plan_settings, self._data = frozen.thaw_settings(settings)
        self._plan: MessagePlan = compile_plan(frozen.thaw_content(content), plan_settings)
        self._signer = RecipientSigner(keyring, account_id, broadcast_id)
        self._bounce_domain = plan_settings.bounce_domain
        self.from_domain = plan_settings.from_address.rpartition("@")[2]
        # Follows the keys while the broadcast is being sent; see `Signers`.
        self.seal = Seal()
        self.account_id = account_id
        self.broadcast_id = broadcast_id
        self.audience = replace(audience, columns=columns_for(self._plan.reads("contact")))
        self.exit = leaves
        self.rate = rate

    def envelope(self, key: object, ready: Ready, now: datetime) -> Envelope:
        """The recipient's copy, one Message-ID for all attempts; FillError if there is none."""
        token = self._signer.token(ready.seq)
        contact = ready.contact(self.audience.columns)
        recipient = PlanRecipient(
            ready.seq,
            ready.email,
            contact["name"],
            {**self._data, "contact": contact},
            ready.track_opens,
        )
        data = self._plan.fill(recipient, now, token)
        if self.seal.signer is not None:
            data = self.seal.signer.sign(data, now, is_relaxed=True)
        mail_from = return_path(token, self._bounce_domain)
        return Envelope(key, mail_from, ready.email, data, envid=token)


class Messages:
    """The compiled messages of a process, the longest unused forgotten first."""

    def __init__(self, keyring: Keyring, signers: Signers, *, common_is_direct: bool) -> None:
        """`common_is_direct`: without a transport of its own mail goes straight to receivers."""
        self._keyring = keyring
        self._signers = signers
        self._common_is_direct = common_is_direct
        self._kept: OrderedDict[tuple[int, int], Message] = OrderedDict()

    def get(self, session: Session, account_id: int, broadcast_id: int) -> Message:
        """In a transaction of the account; Invalid if it can't be compiled or its key be read."""
        key = (account_id, broadcast_id)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._read(session, account_id, broadcast_id)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        found.seal = self._signers.of(session, account_id, found.from_domain)
        return found

    def forget(self, account_id: int, broadcast_id: int) -> None:
        """Read it anew when it is next needed: its pace has changed."""
        self._kept.pop((account_id, broadcast_id), None)

    def _read(self, session: Session, account_id: int, broadcast_id: int) -> Message:
        row = session.execute(
            text(
                "SELECT d.content, d.settings, d.include_list_ids, d.exclude_list_ids, d.tracking,"
                " d.transport_id, d.pool_id, d.source_address, d.rate_per_minute, t.kind"
                " FROM dispatches d LEFT JOIN transports t"
                " ON t.account_id = d.account_id AND t.id = d.transport_id"
                " WHERE d.account_id = :account AND d.broadcast_id = :broadcast"
            ),
            {"account": account_id, "broadcast": broadcast_id},
        ).one()
        audience = Audience(row.include_list_ids, row.exclude_list_ids, row.tracking)
        return Message(
            self._keyring,
            account_id,
            broadcast_id,
            row.content,
            row.settings,
            audience,
            exit_of(
                account_id,
                row.transport_id,
                is_direct=row.kind == "direct" if row.transport_id else self._common_is_direct,
                pool_id=row.pool_id,
                source=row.source_address,
            ),
            row.rate_per_minute,
        )
