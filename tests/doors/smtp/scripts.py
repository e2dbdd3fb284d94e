"""Receivers that misbehave, each a script for one connection."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path

from tests.doors.smtp.parties import Client, server_context

Script = Callable[[Client], None]

ALL = (b"PIPELINING",)
# More than the kernel takes on both sides together.
LARGE = (b"y" * 70 + b"\r\n") * 200_000


def hold(client: Client) -> None:
    """Keep the connection, listen, and say nothing."""
    while client.line() is not None:
        pass


def freeze(client: Client) -> None:
    """Keep the connection and do not even listen; until the other side is gone."""
    while not client.gone():
        time.sleep(0.01)


def well_behaved(client: Client) -> None:
    client.greet(*ALL)
    client.take_all()


# -- greylisting and 421 ----------------------------------------------------------------------


def greylist(client: Client) -> None:
    client.greet(*ALL)
    client.refuse_recipient(b"450 4.7.1 Greylisted, try again in 5 minutes")
    client.take_all()


def hello_and_421(client: Client) -> None:
    """Two messages, then enough of it."""
    client.greet(*ALL)
    client.group()
    client.body()
    client.say(b"250 ok")
    client.group()
    client.body()
    client.say(b"421 4.3.2 going down")


# -- after DATA -------------------------------------------------------------------------------


def take_one(client: Client) -> None:
    """Up to the final dot, and not a word more."""
    client.greet(*ALL)
    client.group()
    client.body()


def close_after_354(client: Client) -> None:
    client.greet(*ALL)
    client.group()


def stall_after_dot(client: Client) -> None:
    take_one(client)
    hold(client)


def dripping(client: Client) -> None:
    """An octet now and then keeps no deadline away."""
    take_one(client)
    for octet in b"250 ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok, ok":
        client.sock.sendall(bytes([octet]))
        time.sleep(0.05)
    hold(client)


def reset_in_the_body(client: Client) -> None:
    client.greet(*ALL)
    client.group()
    client.sock.recv(100)
    client.reset()


def reset_after_the_dot(client: Client) -> None:
    take_one(client)
    client.reset()


# -- stalls and resets before the message ----------------------------------------------------


def stall_at_rcpt(client: Client) -> None:
    client.greet(*ALL)
    client.line()
    client.say(b"250 ok")
    hold(client)


def stall_at_data(client: Client) -> None:
    client.greet(*ALL)
    client.line()
    client.say(b"250 ok", b"250 ok")
    hold(client)


def reset_at_data(client: Client) -> None:
    client.greet(*ALL)
    client.line()
    client.say(b"250 ok", b"250 ok")
    client.line()
    client.reset()


def reset_at_ehlo(client: Client) -> None:
    client.say(b"220 hi")
    client.line()
    client.reset()


def never_read(client: Client) -> None:
    """Takes the commands and then nothing, until all buffers are full."""
    client.greet(*ALL)
    client.group()
    freeze(client)


# -- replies ----------------------------------------------------------------------------------


def malformed(client: Client) -> None:
    take_one(client)
    client.say(b"sure, thanks")
    hold(client)


def over_long(client: Client) -> None:
    take_one(client)
    client.sock.sendall(b"250 " + b"x" * 1_000_000)
    hold(client)


def endless(client: Client) -> None:
    take_one(client)
    while True:
        client.say(*(b"250-and so on" for _ in range(100)))


def wordy(client: Client) -> None:
    take_one(client)
    client.say(*(b"550-5.7.1 line %d" % n for n in range(20)), b"550 5.7.1 read all that?")
    client.take_all()


def two_minds(client: Client) -> None:
    take_one(client)
    client.say(b"250-taken", b"550 or not")
    hold(client)


def binary(client: Client) -> None:
    """Octets that are no text, in a reply that is well-formed."""
    take_one(client)
    client.say(b"450 \x00\xff\x1b[31m\x80 later")
    client.take_all()


def malformed_at_mail(client: Client) -> None:
    client.greet(*ALL)
    client.line()
    client.say(b"OK")
    hold(client)


# -- extensions -------------------------------------------------------------------------------


def plain(client: Client) -> None:
    client.greet()
    client.take_all()


def helo_only(client: Client) -> None:
    client.say(b"220 hi")
    assert client.line().startswith(b"EHLO")
    client.say(b"500 never heard of it")
    assert client.line().startswith(b"HELO")
    client.say(b"250 hi")
    client.take_all()


# -- order and pace ---------------------------------------------------------------------------


def early(client: Client) -> None:
    """Answers everything before it is asked."""
    client.say(b"220 hi", b"250 hi", b"250 ok", b"250 ok", b"354 go", b"250 taken")
    hold(client)


def early_at_data(client: Client) -> None:
    """Says that it took a message that it has not read."""
    client.greet(*ALL)
    client.line()
    client.say(b"250 ok", b"250 ok", b"354 go", b"250 taken")
    hold(client)


def once_too_often(client: Client) -> None:
    """Each reply twice, the second a moment later."""
    client.greet(*ALL)
    client.group()
    client.body()
    client.say(b"250 ok")
    time.sleep(0.05)
    client.say(b"250 ok")
    client.take_all()


def one_octet_at_a_time(client: Client) -> None:
    client.slowly = True
    well_behaved(client)


# -- TLS --------------------------------------------------------------------------------------


def with_starttls(paths: tuple[Path, Path], then: Script) -> Script:
    """Offers STARTTLS with that certificate; `then` plays inside, from the second EHLO on."""

    def script(client: Client) -> None:
        client.greet(b"PIPELINING", b"SIZE 10", b"DSN", b"STARTTLS")
        assert client.line() == b"STARTTLS"
        client.say(b"220 go")
        with secured(client, paths) as secure:
            then(Client(secure))

    return script


def secured(client: Client, paths: tuple[Path, Path]) -> ssl.SSLSocket:
    return server_context(paths).wrap_socket(client.sock, server_side=True)


def only_this(client: Client) -> None:
    """After STARTTLS nothing of what was offered before."""
    assert client.line().startswith(b"EHLO")
    client.say(b"250 only this")
    while (line := client.line()).split(b":")[0] in (b"MAIL FROM", b"RCPT TO", b"DATA"):
        assert b"SIZE" not in line
        client.say(b"250 ok" if line != b"DATA" else b"354 go")
        if line == b"DATA":
            client.body()
            client.say(b"250 ok")
    client.say(b"221 bye")
