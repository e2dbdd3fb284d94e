"""Contact files on their way: from the upload over the mapping to the result."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

import orjson
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from esp.contacts import fields, lists
from esp.contacts.models import Import, ImportRejection
from esp.contacts.reading import mapping as mappings
from esp.contacts.reading.preview import preview
from esp.contacts.reading.shape import Dialect
from esp.contacts.reading.sniff import SAMPLE_BYTES, sniff
from esp.errors import N_, Conflict, Invalid, NotFound, Refused
from esp.files import store
from esp.files.models import File

# What a preview keeps: enough rows to show and to guess types by, whatever the width.
PREVIEW_ROWS = 200
_PREVIEW_CELLS = 20_000
_CELL_LENGTH = 300
_LOOK_CHUNKS = 4
SOURCE_LENGTH = 300
# What a person may choose when the guess was wrong, with the names people know.
ENCODINGS = {
    "utf-8": "UTF-8",
    "cp1252": "Windows-1252 (Latin-1)",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "cp1253": "Windows-1253",
    "cp1254": "Windows-1254",
    "mac_roman": "Mac Roman",
    "shift_jis": "Shift JIS",
    "gb18030": "GB 18030",
    "big5": "Big5",
    "euc_kr": "EUC-KR",
}


@dataclass(frozen=True)
class Wishes:
    """What a person or a program says about an import besides the columns.

    `source` says on what these people's consent rests; it is kept with each of them.
    """

    list_id: int | None = None
    update_existing: bool = True
    source: str = ""


def create(session: Session, account_id: int, file: File, actor: str) -> Import:
    """An import that waits for its mapping; a likely one is suggested. Invalid when unreadable."""
    sample = b"".join(islice(store.chunks(session, account_id, file.id), 1))[:SAMPLE_BYTES]
    dialect = sniff(sample, file.name)
    row = Import(
        account_id=account_id,
        file_id=file.id,
        name=file.name,
        state="mapping",
        created_by=actor,
        **_look(session, account_id, file.id, dialect),
    )
    session.add(row)
    session.flush()
    return row


def get(session: Session, account_id: int, import_id: int) -> Import:
    """NotFound when the account has no such import."""
    row = session.scalar(
        select(Import).where(Import.account_id == account_id, Import.id == import_id)
    )
    if row is None:
        raise NotFound
    return row


def page(
    session: Session, account_id: int, before: int | None = None, limit: int = 50
) -> list[Import]:
    """The newest first; `before` is the number of the last one seen."""
    query = select(Import).where(Import.account_id == account_id)
    if before is not None:
        query = query.where(Import.id < before)
    return list(session.scalars(query.order_by(Import.id.desc()).limit(limit)))


def read_again(
    session: Session, account_id: int, import_id: int, changes: Mapping[str, Any]
) -> Import:
    """Take another encoding, delimiter or header than was guessed; the mapping is guessed anew."""
    row = _open(session, account_id, import_id)
    known = Dialect.from_json(row.dialect)
    if known.kind != "csv":
        return row
    encoding = str(changes.get("encoding", known.encoding))
    delimiter = str(changes.get("delimiter", known.delimiter))
    if encoding not in (*ENCODINGS, known.encoding):
        raise Invalid(N_("There is no such encoding."), "encoding")
    if len(delimiter) != 1 or delimiter in '\r\n"':
        raise Invalid(N_("A delimiter is one character."), "delimiter")
    dialect = replace(
        known,
        encoding=encoding,
        delimiter=delimiter,
        has_header=bool(changes.get("has_header", known.has_header)),
    )
    for name, value in _look(session, account_id, row.file_id, dialect).items():
        setattr(row, name, value)
    session.flush()
    return row


def map_columns(
    session: Session, account_id: int, import_id: int, mapping: object, wishes: Wishes
) -> Import:
    """Say what each column is, where the people go and whether known ones change. Invalid."""
    row = _open(session, account_id, import_id)
    chosen = wishes.list_id and lists.get(session, account_id, wishes.list_id)
    if chosen and chosen.archived_at is not None:
        raise Refused(N_("The list is archived. Restore it first."))
    checked = mappings.Mapping.from_json(mapping, row.preview.get("header", []))
    known = fields.types(session, account_id)
    checked = _tags_as_field(checked, known)
    checked.field_types(known)
    row.mapping = checked.to_json()
    row.list_id = wishes.list_id
    row.update_existing = wishes.update_existing
    row.source = wishes.source.strip()[:SOURCE_LENGTH]
    session.flush()
    return row


def start(session: Session, account_id: int, import_id: int) -> None:
    """Let the workers have it; adds the fields that the mapping makes. Also after a failure."""
    row = get(session, account_id, import_id)
    if not row.mapping.get("columns"):
        raise Invalid(N_("Say first what the columns are."), "mapping")
    checked = mappings.Mapping.from_json(row.mapping)
    _add_fields(session, account_id, checked, row.preview.get("header", []))
    checked.field_types(fields.types(session, account_id))
    _move(session, row, ("mapping", "failed"), state="waiting", error="", finished_at=None)


def cancel(session: Session, account_id: int, import_id: int, now: datetime) -> None:
    """Stop after the rows that are in; those stay."""
    row = get(session, account_id, import_id)
    _move(
        session,
        row,
        ("mapping", "waiting", "running"),
        state="cancelled",
        finished_at=now,
        lease_until=None,
    )


def rejections(
    session: Session, account_id: int, import_id: int, limit: int | None = None
) -> Iterator[ImportRejection]:
    """Lines that were not taken, in the order of the file."""
    after, size = -1, 2_000
    while limit is None or limit > 0:
        found = session.scalars(
            select(ImportRejection)
            .where(
                ImportRejection.account_id == account_id,
                ImportRejection.import_id == import_id,
                ImportRejection.row_number > after,
            )
            .order_by(ImportRejection.row_number)
            .limit(size if limit is None else min(limit, size))
        ).all()
        yield from found
        if len(found) < size:
            return
        after = found[-1].row_number
        limit = None if limit is None else limit - len(found)
        session.expunge_all()


def size_of(session: Session, account_id: int, row: Import) -> int:
    """Bytes of its file."""
    return (
        session.scalar(
            select(File.size).where(File.account_id == account_id, File.id == row.file_id)
        )
        or 0
    )


def failure(row: Import) -> Invalid | None:
    """What ended a failed import, to be translated where it is shown."""
    if not row.error:
        return None
    data = orjson.loads(row.error)
    return Invalid(data["text"], data["place"], **data["values"])


def as_error(error: Invalid) -> str:
    """The form in which `failure` reads it."""
    return orjson.dumps(
        {"text": error.text, "place": error.place, "values": error.values}, default=str
    ).decode()


def _open(session: Session, account_id: int, import_id: int) -> Import:
    row = get(session, account_id, import_id)
    if row.state != "mapping":
        raise Conflict(N_("This import has begun already."))
    return row


def _move(session: Session, row: Import, states: tuple[str, ...], **values: object) -> None:
    moved = session.scalar(
        update(Import)
        .where(Import.account_id == row.account_id, Import.id == row.id, Import.state.in_(states))
        .values(**values)
        .returning(Import.id)
    )
    if moved is None:
        raise Conflict(N_("The import has gone on meanwhile. Look at the page again."))
    session.refresh(row)


def _look(
    session: Session, account_id: int, file_id: int, dialect: Dialect
) -> dict[str, dict[str, Any]]:
    """Values of the columns that come from reading the file's beginning."""
    labels = {field.key: field.label for field in fields.all_fields(session, account_id)}
    with tempfile.TemporaryFile() as stream:
        if dialect.kind == "xlsx":
            store.copy_to(session, account_id, file_id, stream)
        else:
            chunks = islice(store.chunks(session, account_id, file_id), _LOOK_CHUNKS)
            stream.write(b"".join(chunks))
        stream.seek(0)
        found = preview(stream, dialect, PREVIEW_ROWS, labels)
    rows = found.rows[: max(20, _PREVIEW_CELLS // max(len(found.header), 1))]
    shown = {
        "header": [name[:_CELL_LENGTH].replace("\0", "") for name in found.header],
        "rows": [
            {
                "number": row.number,
                "values": [value[:_CELL_LENGTH].replace("\0", "") for value in row.values],
                "problem": row.problem,
            }
            for row in rows
        ],
    }
    mapping: dict[str, Any] = {}
    if found.mapping:
        known = fields.types(session, account_id)
        mapping = _tags_as_field(found.mapping, known).to_json()
    # Through JSON, so that nothing is kept that JSON cannot say.
    clean = orjson.loads(orjson.dumps(shown, default=str))
    return {"dialect": asdict(found.dialect), "preview": clean, "mapping": mapping}


def _tags_as_field(mapping: mappings.Mapping, known: Mapping[str, Any]) -> mappings.Mapping:
    """Tags are kept as text: what a file says of a person is not lost."""
    target = "field:tags" if "tags" in known else "new:tags:text"
    if target in mapping.columns:
        target = "ignore"
    columns = tuple(target if column == "tags" else column for column in mapping.columns)
    return replace(mapping, columns=columns)


def _add_fields(
    session: Session, account_id: int, mapping: mappings.Mapping, header: list[str]
) -> None:
    labels: dict[str, str] = {}
    pairs = [*zip(mapping.columns, header, strict=False), *((t, k) for k, t in mapping.attributes)]
    for target, label in pairs:
        labels[target.split(":")[1] if ":" in target else ""] = label.strip()
    known = fields.types(session, account_id)
    for key, kind in mapping.new_fields():
        if key not in known:
            label = labels.get(key, "")[: fields.LABEL_LENGTH] or key
            fields.add(session, account_id, label, kind, key=key)
