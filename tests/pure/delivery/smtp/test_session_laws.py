"""Laws of a session: whatever comes, in whatever pieces."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from esp.delivery.smtp.envelope import Outcome
from tests.pure.delivery.smtp.talk import PIPELINING, Talk

REPLIES = st.sampled_from(
    [
        *(b"250 ok\r\n" for _ in range(8)), b"354 go\r\n", b"354 go\r\n", b"354 go\r\n",
        b"220 hi\r\n", PIPELINING, b"250 hi\r\n", b"450-4.2.1 a\r\n450 4.2.1 b\r\n",
        b"550 5.1.1 no\r\n", b"503 no\r\n", b"421 bye\r\n", b"garbage\r\n", b"250-",
    ]
)  # fmt: skip


class Server:
    """Answers each command with the next reply of a list, and groups only what it has read."""

    def __init__(self, replies: Iterable[bytes]) -> None:
        self.replies = iter(replies)
        self.body = False

    def answer(self, said: bytes) -> bytes:
        answers = []
        for line in said.splitlines():
            if self.body and line != b".":
                continue
            self.body = False
            answers.append(next(self.replies, b""))
            self.body = answers[-1].startswith(b"354")
        return b"".join(answers)


@given(st.lists(REPLIES, max_size=30), st.booleans(), st.data())
def test_any_chunking_comes_to_the_same(
    replies: list[bytes], pipelining: bool, data: st.DataObject
) -> None:
    opening = [b"220 hi\r\n", PIPELINING if pipelining else b"250 hi\r\n"]

    def run(chunked: bool) -> tuple[dict[object, Outcome], list[bytes]]:
        talk = Talk(5)
        server = Server([*opening[1:], *replies])
        octets, said = opening[0], []
        while octets and not talk.session.closed:
            pieces = [octets]
            if chunked:
                size = data.draw(st.integers(1, len(octets)))
                pieces = [octets[i : i + size] for i in range(0, len(octets), size)]
            answer = b"".join([talk.hear(piece) for piece in pieces])
            said.append(answer)
            octets = server.answer(answer)
        talk.session.lost()
        return talk.settled, said

    whole, said = run(chunked=False)
    assert run(chunked=True) == (whole, said)


@given(st.lists(REPLIES | st.binary(max_size=20), max_size=40), st.integers(0, 3))
def test_each_envelope_taken_is_settled_once_whatever_comes(
    octets: list[bytes], unsent: int
) -> None:
    talk = Talk(5)
    for piece in [b"220 hi\r\n", PIPELINING, *octets]:
        talk.hear(piece, unsent)
    talk.session.lost()
    assert sorted(map(str, talk.settled)) == sorted(map(str, talk.taken))
    assert talk.session.open == 0
    assert talk.session.closed
