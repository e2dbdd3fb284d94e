"""(pure) Sending domains and their records."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as Say

from esp.entrypoints.api.shapes.parts import Id, In, OfPages, Out, Time

Name = Annotated[str, Say(max_length=255, examples=["acme.example"])]


class Record(Out):
    """A DNS record to publish, and what the last check found in its place."""

    part: str = Say(
        description="What it is for: dkim:<selector>, dmarc, return_path, spf or tracking.",
        examples=["dkim:s20261102"],
    )
    name: str = Say(examples=["s20261102._domainkey.acme.example"])
    type: Literal["TXT", "MX", "CNAME"]
    value: str = Say(examples=["v=DKIM1; k=rsa; p=MIIB…"])
    strings: list[str] = Say(
        description="The value in pieces of 255 octets, where it is longer than one."
    )
    state: Literal["working", "missing", "wrong", "unknown", "unused"] | None = Say(
        description="null: not checked yet; unknown: the name servers did not answer."
    )
    text: str = Say(description="What is wrong, if something is.")
    found: list[str] = Say(description="What DNS has there.")


class DomainSummary(Out):
    """A domain that the account sends from."""

    id: Id
    name: str = Say(description="As A-labels.", examples=["acme.example"])
    is_signed: bool = Say(description="Whether mail from it is signed: its key is in DNS.")
    is_signed_by_relay: bool = Say(
        description="Whether the account's own relay signs its mail, as somebody said."
    )
    is_being_checked: bool = Say(description="Whether DNS is being asked at present.")
    return_path_host: str = Say(description="Empty: the installation's.")
    tracking_host: str = Say(description="Empty: the installation's.")
    checked_at: Time | None
    created_at: Time


class Domain(DomainSummary):
    """With its records."""

    records: list[Record]


class DomainPage(OfPages):
    data: list[DomainSummary]


class NewDomain(In):
    """A domain to be added."""

    name: Name


class DomainChanges(In):
    """What is to be different."""

    return_path_host: Name = Say("", description="A name below the domain; empty: none.")
    tracking_host: Name = Say("", description="A name below the domain; empty: none.")
    is_signed_by_relay: bool = False
