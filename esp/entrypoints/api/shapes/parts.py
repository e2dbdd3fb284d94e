"""(pure) What all shapes are made of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from esp.entrypoints.api.cursors import decode

LARGEST_ID = 2**63 - 1
# What one request may name at once.
MOST = 1_000


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _written(value: object) -> object:
    if isinstance(value, int | float):
        raise ValueError("Write a time as text, for example 2026-11-02T09:00:00+07:00.")
    return value


def _in_range(value: datetime) -> datetime:
    # In another zone it may lie outside of what a datetime can say.
    if not 1970 <= value.year < 9000:
        raise ValueError("This time is too far away.")
    return value


def _ours(cursor: str) -> str:
    decode(cursor)
    return cursor


Id = Annotated[int, Field(ge=1, le=LARGEST_ID, examples=[42])]
Time = Annotated[
    datetime,
    PlainSerializer(_utc, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-02T09:00:00Z"]}),
]
Moment = Annotated[
    AwareDatetime,
    Field(strict=False, examples=["2026-11-02T09:00:00+07:00"]),
    BeforeValidator(_written),
    AfterValidator(_in_range),
]
Line = Annotated[str, Field(max_length=500)]


class In(BaseModel):
    """A body: nothing unknown, nothing of another type, no character that no text can hold."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _holdable(cls, data: Any) -> Any:
        _refuse_nul(data)
        return data

    def given(self) -> dict[str, Any]:
        """What the body names, and nothing else."""
        return self.model_dump(exclude_unset=True)


class Nothing(In):
    """No body, or an empty object."""


class Query(BaseModel):
    """What stands behind the question mark: all of it text."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _holdable(cls, data: Any) -> Any:
        _refuse_nul(data)
        return data


class PageQuery(Query):
    """Which page of a collection."""

    limit: int = Field(50, ge=1, le=500, description="How many at most.")
    cursor: Annotated[str, AfterValidator(_ours)] | None = Field(
        None, max_length=40, description="`next_cursor` of the page before; without it the first."
    )

    @property
    def after(self) -> int | None:
        """The number of the last row of the page before."""
        return None if self.cursor is None else decode(self.cursor)


class Out(BaseModel):
    """An answer, made of the fields of a row."""

    model_config = ConfigDict(from_attributes=True)


class OfPages(Out):
    """A page of a collection."""

    next_cursor: str | None = Field(
        description="Ask with `cursor` for the next page; null: this is the last.",
        examples=["NDI"],
    )


class Error(Out):
    """One thing that is wrong."""

    place: str = Field(description="The name of what is wrong.", examples=["email"])
    text: str = Field(examples=["There is no @ in it."])


class Problem(Out):
    """A problem document, as RFC 9457 has it."""

    type: str = Field(
        description="Address of an explanation.", examples=["/api/v1/docs#problem-invalid"]
    )
    title: str = Field(description="The status in words.", examples=["Unprocessable Entity"])
    status: int = Field(examples=[422])
    detail: str = Field(description="What happened.", examples=["There is no @ in it."])
    errors: list[Error] = Field(description="What is wrong, each with its place.")


def _refuse_nul(data: Any) -> None:
    """PostgreSQL's text can't hold it."""
    # A list of work and no recursion: a body may be nested a thousand deep.
    left = [data]
    while left:
        value = left.pop()
        if isinstance(value, str):
            if "\0" in value:
                raise ValueError("A text contains the character NUL, which no text can hold.")
        elif isinstance(value, Mapping):
            left += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple):
            left += value
