"""(pure) Lists, contacts, fields and suppressions."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field as Say
from pydantic import model_validator

from esp.entrypoints.api.shapes.parts import MOST, Id, In, OfPages, Out, PageQuery, Time

Email = Annotated[str, Say(max_length=320, examples=["ayu@customers.example"])]
Value = str | int | float | bool | None
State = Literal["pending", "subscribed", "unsubscribed"]


class Counts(Out):
    """People of a list by state."""

    subscribed: int
    pending: int
    unsubscribed: int


class List(Out):
    """People who asked for the same mail."""

    id: Id
    name: str = Say(examples=["Newsletter"])
    description: str = Say(description="What subscribers read about it.")
    consent_text: str = Say(description="What people agree to on the sign-up page.")
    is_public: bool = Say(description="Whether sign-up and preference pages offer it.")
    sign_up_url: str = Say(description="Address of the hosted sign-up page.")
    contacts: Counts = Say(description="How many people it has, by state.")
    created_at: Time
    updated_at: Time
    archived_at: Time | None
    merged_into_id: int | None = Say(description="The list its people went on in.")


class ListPage(OfPages):
    data: list[List]


class ListQuery(PageQuery):
    archived: bool = Say(False, description="Those in the archive instead of those in use.")


class NewList(In):
    """A list to be made."""

    name: str = Say(max_length=120, examples=["Newsletter"])
    description: str = Say("", max_length=2000)
    consent_text: str = Say("", max_length=2000)
    is_public: bool = True


class ListChanges(In):
    """What is to be different."""

    name: str = Say("", max_length=120, examples=["Newsletter"])
    description: str = Say("", max_length=2000)
    consent_text: str = Say("", max_length=2000)
    is_public: bool = True
    archived: bool = Say(False, description="true puts it into the archive, false takes it out.")


class Field(Out):
    """A field that the account added to its contacts."""

    id: Id
    key: str = Say(description="Its name in templates and in this API.", examples=["shoe_size"])
    label: str = Say(examples=["Shoe size"])
    type: Literal["text", "number", "date", "boolean", "choice"]
    choices: list[str]
    created_at: Time


class FieldPage(OfPages):
    data: list[Field]


class NewField(In):
    """A field to be added."""

    label: str = Say(max_length=80, examples=["Shoe size"])
    key: str = Say("", max_length=40, description="Made of the label when it is left out.")
    type: Literal["text", "number", "date", "boolean", "choice"] = "text"
    choices: list[Annotated[str, Say(max_length=200)]] = Say(
        default_factory=list, max_length=200, description="For the type `choice`."
    )


class FieldChanges(In):
    """What is to be different; key and type stay."""

    label: str | None = Say(None, max_length=80, examples=["Shoe size"])
    choices: list[Annotated[str, Say(max_length=200)]] | None = Say(None, max_length=200)


class Subscription(Out):
    """Whether a contact gets a list's mail."""

    list_id: int
    state: State
    source: str = Say(description="How it came about.")
    created_at: Time
    changed_at: Time
    confirmed_at: Time | None
    unsubscribed_at: Time | None


class Contact(Out):
    """A person."""

    id: Id
    email: str | None = Say(examples=["ayu@customers.example"])
    external_id: str | None = Say(
        description="Your own number for the person.", examples=["C-1042"]
    )
    first_name: str
    last_name: str
    language: str
    phone: str
    company: str
    occupation: str
    birth_date: date | None
    sex: str
    street: str
    city: str
    region: str
    postal_code: str
    country: str
    time_zone: str
    fields: dict[str, Any] = Say(
        description="Values of the account's own fields, by key.", examples=[{"shoe_size": 39}]
    )
    source: str
    tracking_consent: bool | None = Say(
        description="Whether the person agreed to being measured; null: never asked."
    )
    suppressed: bool = Say(description="Whether the address gets no marketing mail at all.")
    subscriptions: list[Subscription]
    last_open_at: Time | None
    last_click_at: Time | None
    created_at: Time
    updated_at: Time


class ContactPage(OfPages):
    data: list[Contact]


class ContactQuery(PageQuery):
    email: str | None = Say(None, max_length=320, description="With exactly this address.")
    external_id: str | None = Say(None, max_length=200)
    list_id: Id | None = Say(None, description="On this list, in whatever state.")
    state: State | None = Say(
        None, description="With a subscription in this state (to `list_id`, if it is given)."
    )
    q: str | None = Say(
        None,
        max_length=100,
        description="Beginning of an address, name or company, else a part of one. Not together"
        " with `email` or `external_id`.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.q is not None and (self.email is not None or self.external_id is not None):
            raise ValueError("Ask by `q`, or by `email` and `external_id`.")
        return self


class Wish(In):
    """A list, and whether the contact is to be on it."""

    list_id: Id
    state: Literal["subscribed", "unsubscribed"] = Say(
        "subscribed",
        description="Who has unsubscribed is never brought back by a program: only the person's"
        " own new opt-in does that.",
    )


class ContactChanges(In):
    """What is to be different; what is not named stays."""

    email: Email | None = None
    external_id: str | None = Say(None, max_length=200, examples=["C-1042"])
    first_name: str | None = Say(None, max_length=100, examples=["Ayu"])
    last_name: str | None = Say(None, max_length=100, examples=["Lestari"])
    language: str | None = Say(None, max_length=20, examples=["id"])
    phone: str | None = Say(None, max_length=50)
    company: str | None = Say(None, max_length=200)
    occupation: str | None = Say(None, max_length=200)
    birth_date: str | None = Say(None, max_length=10, examples=["1990-04-30"])
    sex: str | None = Say(None, max_length=20)
    street: str | None = Say(None, max_length=300)
    city: str | None = Say(None, max_length=100)
    region: str | None = Say(None, max_length=100)
    postal_code: str | None = Say(None, max_length=20)
    country: str | None = Say(None, max_length=100)
    time_zone: str | None = Say(None, max_length=64, examples=["Asia/Jakarta"])
    fields: dict[Annotated[str, Say(max_length=40)], Value] = Say(
        default_factory=dict,
        max_length=200,
        description="Values of the account's own fields, by key; null empties one.",
        examples=[{"shoe_size": 39}],
    )
    lists: list[Wish] = Say(default_factory=list, max_length=MOST)
    list_ids: list[Id] = Say(
        default_factory=list, max_length=MOST, description="Short for `lists` with `subscribed`."
    )


class NewContact(ContactChanges):
    """A contact to be made, or changed: found by its address, else by its external id."""


class Unsubscribe(In):
    """Which lists the person leaves."""

    list_ids: list[Id] | None = Say(
        None,
        max_length=MOST,
        description="Without it the person leaves all lists, and the address is suppressed.",
    )


class Suppression(Out):
    """An address that gets no marketing mail of this account."""

    id: Id
    email: str = Say(examples=["ayu@customers.example"])
    reason: Literal["bounce", "complaint", "unsubscribe", "manual", "import", "erased"]
    source: str
    evidence: str = Say(description="What the receiver's server said, or the like.")
    actor: str
    created_at: Time


class SuppressionPage(OfPages):
    data: list[Suppression]


class SuppressionQuery(PageQuery):
    email: str | None = Say(None, max_length=320, description="With exactly this address.")


class NewSuppression(In):
    """An address to be suppressed."""

    email: Email
    evidence: str = Say("", max_length=500, description="Why, for whoever asks later.")
