"""(pure) Reports, recipients, imports and the account."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field as Say

from esp.entrypoints.api.shapes.parts import Id, OfPages, Out, PageQuery, Query, Time

RecipientState = Literal["queued", "deferred", "sent", "failed", "skipped"]


class Rate(Out):
    """`count` of `total`, with what the total is."""

    name: str = Say(examples=["clicked"])
    count: int
    total: int
    share: float | None = Say(description="Between 0 and 1; null when the total is 0.")
    of: str = Say(description="What the total is.", examples=["of delivered"])
    meaning: str


class LinkCount(Out):
    """Clicks on one target."""

    number: int
    target: str = Say(examples=["https://acme.example/shop"])
    label: str
    clicks: int
    unique_clicks: int


class HourCount(Out):
    """What happened in one hour."""

    hour: Time
    name: str = Say(examples=["unique_opens"])
    count: int


class ProviderCount(Out):
    """Recipients of one mailbox provider."""

    provider: str = Say(examples=["google"])
    recipients: int
    sent: int
    failed: int
    bounced: int
    opened: int
    clicked: int


class Report(Out):
    """What became of a broadcast; live while it is sent."""

    broadcast_id: Id
    state: str
    recipients: int
    queued: int
    deferred: int
    sent: int
    delivered: int
    failed: int
    bounced: int
    skipped: int
    opens: int
    unique_opens: int
    clicks: int
    unique_clicks: int
    unsubscribed: int
    complained: int
    rates: list[Rate]
    links: list[LinkCount]
    hours: list[HourCount]
    providers: list[ProviderCount]


class Recipient(Out):
    """A row of the ledger: one person's copy."""

    seq: int
    contact_id: int
    email: str
    state: RecipientState
    reason: str | None = Say(description="Why it was skipped or failed.", examples=["suppressed"])
    code: int | None = Say(description="The receiver's SMTP code.", examples=[250])
    reply: str | None = Say(description="The receiver's reply.", examples=["2.0.0 Ok: queued"])
    attempts: int
    at: Time | None = Say(description="Of the last attempt.")
    opened_at: Time | None
    clicked_at: Time | None
    opens: int
    clicks: int
    bounced_at: Time | None
    unsubscribed_at: Time | None


class RecipientPage(OfPages):
    data: list[Recipient]


class RecipientQuery(PageQuery):
    state: RecipientState | None = None
    email: str | None = Say(None, max_length=320, description="The address begins with this.")


class WhyQuery(Query):
    email: str = Say(min_length=1, max_length=320, examples=["ayu@customers.example"])


class Why(Out):
    """Why somebody did, or did not, get a broadcast."""

    code: str = Say(
        description="A state of the ledger (queued, deferred, sent, failed, skipped, bounced), or"
        " why there is no row: not_started, unknown, not_on_list, not_yet, subscribed_later,"
        " pending, unsubscribed.",
        examples=["sent"],
    )
    verdict: Literal["yes", "not_yet", "no"] = Say(description="Whether the person got it.")
    text: str = Say(examples=["The mail server of customers.example took it on 2026-11-02."])
    advice: str = Say(description="What one can do.")
    email: str
    at: Time | None
    recipient: Recipient | None
    suppressed: str | None = Say(description="Why the address is suppressed now, if it is.")


class Import(Out):
    """A contact file on its way into the contacts."""

    id: Id
    state: Literal["mapping", "waiting", "running", "finished", "cancelled", "failed"]
    name: str = Say(examples=["customers.csv"])
    list_id: int | None
    update_existing: bool
    mapping: dict[str, Any] = Say(
        description="What the columns become.",
        examples=[{"columns": ["email", "first_name"], "attributes": {}, "date_order": "dmy"}],
    )
    size: int = Say(description="Bytes of the file.")
    bytes_read: int = Say(description="Bytes done; stays 0 in a workbook until it is finished.")
    rows_read: int
    created: int
    updated: int
    unchanged: int
    subscribed: int
    kept: int = Say(description="Left out because they unsubscribed or are suppressed.")
    rejected: int
    error: str
    created_at: Time
    started_at: Time | None
    finished_at: Time | None


class ImportPage(OfPages):
    data: list[Import]


class ImportQuery(PageQuery):
    """Which page of the imports, the newest first."""


class Account(Out):
    """The account that the key opens."""

    id: Id
    slug: str = Say(examples=["acme"])
    name: str
    postal_address: str
    website: str
    language: str
    time_zone: str
    tracking: Literal["all", "consented", "none"]
    from_name: str
    from_address: str
    key_name: str = Say(description="The name of the key that asks.")
