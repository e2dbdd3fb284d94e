"""(pure) Compiling: everything that is the same for all recipients is encoded here, once."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

from esp.content.liquid import Logic, Output
from esp.delivery.plan import urls
from esp.delivery.plan.headers import breaks_header, mailbox
from esp.delivery.plan.message import (
    DATE,
    SUBJECT,
    TO,
    TOKEN,
    MessagePlan,
    Parts,
    Program,
)
from esp.delivery.plan.pieces import Piece, Pixel, Url, names_used, parse
from esp.delivery.plan.quoted import Slot, Writer, encode_value
from esp.delivery.plan.settings import Content, PlanRecipient, PlanSettings, check
from esp.delivery.plan.slots import (
    Data,
    compile_slot,
    depends_on_data_only,
    in_html,
    unchanged,
)
from esp.errors import N_, Invalid

Segments = list[bytes | Slot]

_MARK = "\0"
_PART = b"Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"


def compile_plan(content: Content, settings: PlanSettings) -> MessagePlan:
    """The plan of one broadcast or one system mail; raises Invalid with the place of the fault."""
    check(settings)
    if breaks_header(content.subject):
        raise Invalid(N_("A subject cannot contain line breaks."), "subject")
    return _Compiler(content, settings).plan()


class _Compiler:
    def __init__(self, content: Content, settings: PlanSettings) -> None:
        self._content = content
        self._settings = settings
        self._urls = urls.merge_urls(
            settings.base_url,
            settings.tracking_base_url,
            (link.index for link in content.links),
            _MARK,
        )
        self._pixels: list[tuple[bytes, bytes]] = []
        self._data_slots: list[Callable[[Data], bytes]] = []
        self._data_slot_of: dict[tuple[bool, str], Slot] = {}
        self._programs: list[Program] = []
        self._program_slots: list[Slot] = []
        self._reads: set[str] = set()

    def plan(self) -> MessagePlan:
        writer = Writer()
        if self._content.html is None:
            self._part(writer, self._content.text, html=False)
        else:
            boundary = self._boundary()
            writer.raw(b"--%s\r\n%s\r\n" % (boundary, _PART % b"plain"))
            self._part(writer, self._content.text, html=False)
            writer.raw(b"--%s\r\n%s\r\n" % (boundary, _PART % b"html"))
            self._part(writer, self._content.html, html=True)
            writer.raw(b"--%s--\r\n" % boundary)
        subject = self._subject()
        pixels = [("pixel", n) for n in range(len(self._pixels))]
        data = [("data", n) for n in range(len(self._data_slots))]
        return MessagePlan(
            Parts(
                segments=_merged([*self._head(), *writer.finish()]),
                order=(DATE, TO, SUBJECT, *pixels, *data, *self._program_slots),
                subject=subject,
                pixels=tuple(self._pixels),
                data_slots=tuple(self._data_slots),
                programs=tuple(self._programs),
                text_only=self._content.html is None,
                reads=frozenset(self._reads),
            )
        )

    def _part(self, writer: Writer, source: str, html: bool) -> None:
        pieces = parse(source, html, self._urls)
        in_order: list[Output | Logic] = []
        for piece in pieces:
            if isinstance(piece, str):
                writer.text(piece)
            elif isinstance(piece, Url):
                writer.text(piece.before)
                writer.token(TOKEN)
                writer.text(piece.after)
            elif isinstance(piece, Pixel):
                writer.slot(self._pixel(piece))
            elif isinstance(piece, Output) and depends_on_data_only(piece, self._urls):
                writer.slot(self._data_slot(piece, html))
            else:
                slot = ("program", len(self._program_slots))
                writer.slot(slot)
                self._program_slots.append(slot)
                in_order.append(piece)
        if in_order:
            self._programs.append(self._program(in_order, source, pieces))

    def _program(self, nodes: list[Output | Logic], source: str, pieces: list[Piece]) -> Program:
        self._reads.add("")
        reached = []
        for name in names_used(source, pieces, self._urls):
            before, _, after = self._urls[name].partition(_MARK)
            reached.append(Url(name, before, after))
        return Program(tuple(nodes), tuple(reached))

    def _data_slot(self, node: Output, html: bool) -> Slot:
        self._reads.update(node.paths or ("",))
        key = (html, node.source)
        if key not in self._data_slot_of:
            self._data_slot_of[key] = ("data", len(self._data_slots))
            encode = in_html if html else encode_value
            self._data_slots.append(compile_slot(node, encode, encode_value))
        return self._data_slot_of[key]

    def _pixel(self, pixel: Pixel) -> Slot:
        writer = Writer()
        writer.text(pixel.before)
        writer.token(TOKEN)
        writer.text(pixel.after)
        segments = writer.finish()
        split = segments.index(TOKEN)
        before, after = _merged(segments[:split]), _merged(segments[split + 1 :])
        self._pixels.append((b"".join(_known(before)), b"".join(_known(after))))
        return "pixel", len(self._pixels) - 1

    def _subject(self) -> Callable[[PlanRecipient, str], str]:
        source = self._content.subject
        pieces = parse(source, False, self._urls)
        makers: list[Callable[[Data], str]] = []
        for piece in pieces:
            if isinstance(piece, str):
                makers.append(_constant(piece))
            elif isinstance(piece, Output) and depends_on_data_only(piece, self._urls):
                self._reads.update(piece.paths or ("",))
                makers.append(compile_slot(piece, unchanged, unchanged))
            else:
                return self._ordered_subject(pieces)
        if len(makers) == 1:
            (only,) = makers
            return lambda recipient, token: only(recipient.data)
        return lambda recipient, token: "".join([make(recipient.data) for make in makers])

    def _ordered_subject(self, pieces: list[Piece]) -> Callable[[PlanRecipient, str], str]:
        """A subject with conditions: every tag in order, in one context."""
        nodes = [piece for piece in pieces if isinstance(piece, Output | Logic)]
        program = self._program(nodes, self._content.subject, [])

        def subject(recipient: PlanRecipient, token: str) -> str:
            texts = iter(program.texts(recipient, token))
            shown = []
            for piece in pieces:
                if isinstance(piece, str):
                    shown.append(piece)
                elif isinstance(piece, Output | Logic):
                    shown.append(next(texts))
                else:
                    shown.append(piece.before + token + piece.after)
            return "".join(shown)

        return subject

    def _boundary(self) -> bytes:
        # "=_" is nothing that quoted-printable can hold (RFC 2045 §6.7).
        settings = self._settings
        seed = f"{settings.account_id}/{settings.broadcast_id}".encode()
        return b"=_" + blake2b(seed, digest_size=12).hexdigest().encode()

    def _head(self) -> Segments:
        settings = self._settings
        lines: list[Segments] = [
            [DATE],
            [mailbox("From", settings.from_name, settings.from_address)],
            [TO],
            [SUBJECT],
            [
                b"Message-ID: ",
                *self._with_token(urls.message_id(_MARK, settings.message_id_domain)),
            ],
        ]
        if settings.reply_to is not None:
            lines.append([f"Reply-To: {settings.reply_to}".encode()])
        if settings.kind == "marketing":
            lines += self._list_lines()
            lines.append([b"Precedence: bulk"])
        if settings.feedback_id:
            lines.append([f"Feedback-ID: {':'.join(settings.feedback_id)}".encode()])
        lines.append([b"Auto-Submitted: auto-generated"])
        lines.append([b"X-Auto-Response-Suppress: OOF, AutoReply"])
        if settings.language is not None:
            lines.append([f"Content-Language: {settings.language}".encode()])
        lines.append([b"MIME-Version: 1.0"])
        if self._content.html is None:
            head_end = _PART % b"plain"
        else:
            head_end = b'Content-Type: multipart/alternative;\r\n boundary="%s"\r\n'
            head_end %= self._boundary()
        return [part for line in lines for part in (*line, b"\r\n")] + [head_end + b"\r\n"]

    def _list_lines(self) -> list[Segments]:
        settings, list_id = self._settings, self._settings.list_id
        lines: list[Segments] = []
        if list_id is not None:
            name = f"{list_id.label}.{list_id.domain}"
            shown = mailbox("List-Id", list_id.name, name)
            lines.append([shown if b"<" in shown else f"List-Id: <{name}>".encode()])
        ways = [f"<{self._urls['unsubscribe_url']}>"]
        if settings.unsubscribe_mailto:
            ways.append(f"<mailto:{urls.unsubscribe_address(_MARK, settings.bounce_domain)}>")
        lines.append([b"List-Unsubscribe: ", *self._with_token(",\r\n ".join(ways))])
        lines.append([b"List-Unsubscribe-Post: List-Unsubscribe=One-Click"])
        return lines

    def _with_token(self, text: str) -> Segments:
        segments: Segments = []
        for part in text.split(_MARK):
            segments += [part.encode(), TOKEN]
        return segments[:-1]


def _constant(text: str) -> Callable[[Data], str]:
    return lambda data: text


def _known(segments: tuple[bytes | Slot, ...]) -> list[bytes]:
    return [part for part in segments if isinstance(part, bytes)]


def _merged(segments: Segments) -> tuple[bytes | Slot, ...]:
    """The same with neighbouring bytes joined."""
    merged: Segments = []
    for part in segments:
        last = merged[-1] if merged else None
        if isinstance(part, bytes) and isinstance(last, bytes):
            merged[-1] = last + part
        else:
            merged.append(part)
    return tuple(merged)
