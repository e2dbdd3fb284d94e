"""(pure) Templates and broadcasts."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field as Say
from pydantic import model_validator

from esp.broadcasts.states import State
from esp.entrypoints.api.shapes.parts import (
    MOST,
    Id,
    In,
    Line,
    Moment,
    OfPages,
    Out,
    PageQuery,
    Time,
)

Kind = Literal["html", "mjml", "text"]
Body = Annotated[str, Say(max_length=2_000_000)]
Text = Annotated[str, Say(max_length=500_000)]
_FORMS = ("html", "mjml", "body")


class TemplateSummary(Out):
    """A message to start from, without its body."""

    id: Id
    name: str = Say(examples=["Monthly newsletter"])
    kind: Kind
    subject: str
    preheader: str
    version: int = Say(description="Raised by each change.")
    created_at: Time
    updated_at: Time
    archived_at: Time | None


class Template(TemplateSummary):
    """A message to start from."""

    body: str
    text: str | None = Say(description="The text part; null: made of the body.")


class TemplatePage(OfPages):
    data: list[TemplateSummary]


class TemplateQuery(PageQuery):
    archived: bool = Say(False, description="Those in the archive instead of those in use.")


class _Message(In):
    """The forms a message can be given in."""

    name: Annotated[str, Say(max_length=200, examples=["November news"])] = ""
    subject: Annotated[
        str, Say(max_length=500, examples=["Hello {{ contact.first_name | default: 'friend' }}"])
    ] = ""
    preheader: Line = ""
    kind: Kind = Say("html", description="What `body` is.")
    body: Body = Say("", description="The message, of the kind that `kind` says.")
    html: Body = Say("", description="Short for `kind` html and `body`.", examples=["<p>Hello</p>"])
    mjml: Body = Say("", description="Short for `kind` mjml and `body`.")
    text: Text | None = Say(
        None, description="The text part; with no other form, the whole message."
    )

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if len(self.model_fields_set & set(_FORMS)) > 1:
            raise ValueError("Give the message in one form: html, mjml, or kind and body.")
        if self.model_fields_set & {"html", "mjml"} and "kind" in self.model_fields_set:
            raise ValueError("`kind` says what `body` is; html and mjml say it themselves.")
        return self

    def message(self, kind_now: str | None = None) -> dict[str, object]:
        """What the body says of the message, in its columns; `kind_now` is that of the draft."""
        given = self.model_fields_set
        known = ("name", "subject", "preheader", "kind", "body", "text")
        values = {name: getattr(self, name) for name in known if name in given}
        for form in ("html", "mjml"):
            if form in given:
                values |= {"kind": form, "body": getattr(self, form)}
        alone = "text" in given and "kind" not in values and "body" not in values
        if alone and kind_now in (None, "text"):
            values |= {"kind": "text", "body": self.text or "", "text": None}
        return values


class NewTemplate(_Message):
    """A template to be made."""

    name: Annotated[str, Say(min_length=1, max_length=200, examples=["Monthly newsletter"])]


class TemplateChanges(_Message):
    """What is to be different; what is not named stays."""

    archived: bool = Say(False, description="true puts it into the archive, false takes it out.")
    version: int | None = Say(
        None, ge=1, le=2**53, description="Refuse when it was changed since this version."
    )


class _Sending(_Message):
    footer: bool = Say(
        False, description="Add what the message lacks of postal address and unsubscribe link."
    )
    from_name: Line = ""
    from_address: Annotated[str, Say(max_length=320, examples=["news@acme.example"])] = ""
    reply_to: Annotated[str, Say(max_length=320)] = ""
    transport_id: Id | None = Say(None, description="null: the account's default.")
    pool_id: Id | None = Say(None, description="Leaves from this pool; null: the transport's.")
    source_address: Annotated[str, Say(max_length=45)] = Say(
        "", description="Leaves from this address of the pool; empty: from all in turn."
    )
    rate_per_minute: int | None = Say(
        None, ge=1, le=1_000_000, description="Messages a minute at most; null: no limit."
    )
    list_ids: list[Id] = Say(default_factory=list, max_length=MOST, description="Who gets it.")
    exclude_list_ids: list[Id] = Say(
        default_factory=list, max_length=MOST, description="Who of those does not."
    )


class NewBroadcast(_Sending):
    """A draft to be made."""

    template_id: Id | None = Say(None, description="Start from this template.")


class BroadcastChanges(_Sending):
    """What is to be different in a draft; what is not named stays."""

    version: int | None = Say(
        None, ge=1, le=2**53, description="Refuse when it was changed since this version."
    )


class BroadcastSummary(Out):
    """One message to the people of some lists, without its body."""

    id: Id
    name: str = Say(examples=["November news"])
    state: State
    kind: Kind
    subject: str
    preheader: str
    footer: bool
    from_name: str
    from_address: str
    reply_to: str
    transport_id: int | None
    pool_id: int | None
    source_address: str
    rate_per_minute: int | None
    version: int = Say(description="Raised by each change.")
    send_at: Time | None
    hold_reason: str = Say(description="Why it is held or failed.")
    created_at: Time
    updated_at: Time
    started_at: Time | None
    finished_at: Time | None


class Broadcast(BroadcastSummary):
    """One message to the people of some lists."""

    body: str
    text: str | None
    list_ids: list[int]
    exclude_list_ids: list[int]


class BroadcastPage(OfPages):
    data: list[BroadcastSummary]


class BroadcastQuery(PageQuery):
    state: State | None = None


class Schedule(In):
    """When it begins."""

    send_at: Moment | None = Say(None, description="Without it: now.")


class Copy(In):
    """What the copy is called."""

    name: Annotated[str, Say(max_length=200, examples=["December news"])] = ""


class TestWish(In):
    """Who gets a copy of the draft."""

    to: list[Annotated[str, Say(max_length=320, examples=["you@acme.example"])]] = Say(
        min_length=1, max_length=5
    )
    contact_id: Id | None = Say(None, description="Filled as for this contact; null: a sample.")


class TestSent(Out):
    """Where the copies go."""

    to: list[str]


class Retried(Out):
    """How many are tried again."""

    recipients: int
