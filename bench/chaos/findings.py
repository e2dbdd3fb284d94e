"""(pure) What a fault did to the recipients of a broadcast, told in a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.receivers import Taken


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: who got nothing, what came twice and how much of that the guarantee allows.

    `wrong` says in words whatever else must not be; `note` what is good to know.
    """

    fault: str
    lost: int
    repeated: int
    bound: int
    note: str = ""
    wrong: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.lost and self.repeated <= self.bound and not self.wrong

    def noted(self, note: str, *wrong: str) -> Finding:
        """With a note, and with what else is wrong."""
        return replace(self, note=note, wrong=(*self.wrong, *wrong))


def judge(
    fault: str,
    people: int,
    ledger: Mapping[str, str],
    taken: Sequence[Taken],
    bound: int = 0,
    unsent: Sequence[str] = (),
) -> Finding:
    """Hold the ledger (state by address) of `people` against what the receiver took.

    A recipient is lost who should have the mail and has not, or has no end. Only states in
    `unsent` may stand for somebody who got nothing.
    """
    times: dict[str, int] = {}
    ids: dict[str, set[str]] = {}
    for one in taken:
        times[one.rcpt] = times.get(one.rcpt, 0) + 1
        ids.setdefault(one.rcpt, set()).add(one.message_id)
    lost = people - len(ledger)
    lost += sum(state not in unsent for email, state in ledger.items() if email not in times)
    mistold = sum(ledger.get(email) != "sent" for email in times)
    renamed = sum(len(found) > 1 for found in ids.values())
    wrong = []
    if mistold:
        wrong.append(f"the ledger does not say sent of {mistold} who have the mail")
    if renamed:
        wrong.append(f"{renamed} copies have another Message-ID")
    return Finding(fault, lost, len(taken) - len(times), bound, wrong=tuple(wrong))


def table(findings: Iterable[Finding]) -> str:
    """A line for each fault, and below it what is wrong."""
    rows = [("fault", "lost", "repeated", "bound", "")]
    found = list(findings)
    rows += [
        (one.fault, str(one.lost), str(one.repeated), str(one.bound), one.note) for one in found
    ]
    wide = max(len(row[0]) for row in rows)
    lines = [
        f"{name:{wide}}  {lost:>6}  {repeated:>8}  {bound:>6}  {note}".rstrip()
        for name, lost, repeated, bound, note in rows
    ]
    for line, one in enumerate(found, 1):
        if not one.holds:
            words = "; ".join(one.wrong) or "more than the guarantee allows"
            lines[line] += f"  BROKEN: {words}"
    return "\n".join(lines)
