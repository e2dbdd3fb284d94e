"""A DNS server at the edge of the world: answers over UDP and TCP from Python data.

>>> with FakeDns({"a.example": {"MX": ["10 mx.a.example."], "TXT": ['"v=spf1 -all"']}}) as server:
...     settings = Settings(dns=(server.nameserver,))
"""

from __future__ import annotations

import enum
import selectors
import socket
import struct
import threading
from collections.abc import Collection, Mapping, Sequence
from types import TracebackType

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset


class Fault(enum.Enum):
    """What a server does instead of answering."""

    SERVFAIL = enum.auto()
    REFUSED = enum.auto()
    TIMEOUT = enum.auto()


SERVFAIL, REFUSED, TIMEOUT = Fault.SERVFAIL, Fault.REFUSED, Fault.TIMEOUT

# Records by type, as a zone file writes them, with absolute names; "TTL" in seconds.
Records = Mapping[str, Sequence[str] | Fault | int]

_CHAIN = 8
_SOA = "ns.test. root.test. 1 3600 600 86400"


class FakeDns:
    """Serves `zones` on a free port of 127.0.0.1 until the block ends.

    A name that is not in `zones`, nor above one that is, does not exist. A Fault stands for all of
    a name or for one type of it. `secure` names, and all below them, are answered with the AD bit.
    `server[name] = records` changes an answer, `del server[name]` makes a name vanish; `asked`
    lists the questions as (name, type).
    """

    def __init__(
        self,
        zones: Mapping[str, Records | Fault] | None = None,
        *,
        secure: Collection[str] = (),
        ttl: int = 300,
    ) -> None:
        self.asked: list[tuple[str, str]] = []
        self.secure = {_plain(name) for name in secure}
        self.ttl = ttl
        self._zones = {_plain(name): records for name, records in (zones or {}).items()}
        self._udp, self._tcp = _sockets()
        self._port = int(self._udp.getsockname()[1])
        self._ours, self._theirs = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def port(self) -> int:
        return self._port

    @property
    def nameserver(self) -> str:
        """As ESP_DNS takes it."""
        return f"127.0.0.1:{self.port}"

    def __setitem__(self, name: str, records: Records | Fault) -> None:
        self._zones[_plain(name)] = records

    def __delitem__(self, name: str) -> None:
        del self._zones[_plain(name)]

    def __enter__(self) -> FakeDns:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ours.send(b"!")
        self._thread.join()
        for sock in (self._ours, self._theirs, self._udp, self._tcp):
            sock.close()

    # -- the wire -----------------------------------------------------------------------------

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            for sock in (self._theirs, self._udp, self._tcp):
                selector.register(sock, selectors.EVENT_READ)
            while True:
                for key, _events in selector.select():
                    if key.fileobj is self._theirs:
                        return
                    if key.fileobj is self._udp:
                        self._datagram()
                    else:
                        self._stream()

    def _datagram(self) -> None:
        wire, client = self._udp.recvfrom(65535)
        query = dns.message.from_wire(wire)
        reply = self._reply(query)
        if reply is None:
            return
        said = reply.to_wire(max_size=65535)
        if len(said) > max(query.payload, 512):
            reply = dns.message.make_response(query, recursion_available=True)
            reply.flags |= dns.flags.TC
            said = reply.to_wire()
        self._udp.sendto(said, client)

    def _stream(self) -> None:
        connection, _client = self._tcp.accept()
        with connection, connection.makefile("rb") as lines:
            connection.settimeout(5)
            (length,) = struct.unpack("!H", lines.read(2))
            reply = self._reply(dns.message.from_wire(lines.read(length)))
            if reply is not None:
                said = reply.to_wire(max_size=65535)
                connection.sendall(struct.pack("!H", len(said)) + said)

    # -- the answers --------------------------------------------------------------------------

    def _reply(self, query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        name = _plain(question.name.to_text())
        self.asked.append((name, kind))
        reply = dns.message.make_response(query, recursion_available=True)
        secure = True
        for _link in range(_CHAIN):
            secure = secure and self._is_secure(name)
            found = self._look_up(name, kind)
            if found is TIMEOUT:
                return None
            if isinstance(found, Fault):
                reply.set_rcode(dns.rcode.Rcode[found.name])
                return reply
            if isinstance(found, dns.rcode.Rcode):
                reply.set_rcode(found)
            elif found is not None:
                reply.answer.append(found)
                if found.rdtype == dns.rdatatype.CNAME and kind != "CNAME":
                    name = _plain(found[0].target.to_text())
                    continue
            break
        if not reply.answer or found is None or isinstance(found, dns.rcode.Rcode):
            reply.authority.append(_rrset(name, "SOA", [f"{_SOA} {self.ttl}"], self.ttl))
        if secure and self.secure:
            reply.flags |= dns.flags.AD
        return reply

    def _look_up(self, name: str, kind: str) -> dns.rrset.RRset | Fault | dns.rcode.Rcode | None:
        """Records, a fault, NXDOMAIN; None: the name has none of that type."""
        records = self._zones.get(name)
        if records is None:
            above = any(known.endswith(f".{name}") for known in self._zones)
            return None if above or not name else dns.rcode.NXDOMAIN
        if isinstance(records, Fault):
            return records
        for wanted in (kind, "CNAME"):
            found = records.get(wanted)
            if isinstance(found, Fault):
                return found
            if found:
                ttl = records.get("TTL", self.ttl)
                return _rrset(name, wanted, found, ttl)
        return None

    def _is_secure(self, name: str) -> bool:
        return any(name == one or name.endswith(f".{one}") for one in self.secure)


def _rrset(name: str, kind: str, texts: Sequence[str], ttl: int) -> dns.rrset.RRset:
    origin = dns.name.root
    rdatas = [
        dns.rdata.from_text("IN", kind, value, origin=origin, relativize=False) for value in texts
    ]
    return dns.rrset.from_rdata_list(dns.name.from_text(name), ttl, rdatas)


def _plain(name: str) -> str:
    return name.rstrip(".").lower()


def _sockets() -> tuple[socket.socket, socket.socket]:
    """One free port for both."""
    for _attempt in range(20):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tcp.bind(udp.getsockname())
        except OSError:
            udp.close()
            tcp.close()
            continue
        tcp.listen()
        return udp, tcp
    raise AssertionError("there is no port that is free for UDP and TCP")
