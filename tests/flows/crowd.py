"""Ten thousand people in a contact file with all that real files have wrong."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PEOPLE, TWICE, BAD, UNKNOWN = 10_000, 300, 50, 40
NAMES = ("Ayu", "Zoë", "Łukasz", "O'Neill", "Mei <3", "", "Jean-Luc", 'Max "M"', "দীপা")
CITIES = ("Jakarta", "Den Haag", "São Paulo", "Köln", "Nîmes & Arles")
DOMAINS = ("customers.example", "partners.example", "friends.example")
# The receiver knows nobody there.
UNKNOWN_DOMAIN = "gone.example"
NO_ADDRESSES = ("", "nobody", "two@@customers.example", "a b@customers.example", "@x.example", "x@")


@dataclass(frozen=True)
class Person:
    """A line of the file."""

    email: str
    first_name: str
    city: str


def make_people(chance: random.Random) -> list[Person]:
    """Different people, some of them at addresses that nobody has."""
    domains = [UNKNOWN_DOMAIN] * UNKNOWN + chance.choices(DOMAINS, k=PEOPLE - UNKNOWN)
    chance.shuffle(domains)
    return [
        Person(f"person{number}@{domain}", chance.choice(NAMES), chance.choice(CITIES))
        for number, domain in enumerate(domains, 1)
    ]


def spoilt(people: Sequence[Person], chance: random.Random) -> list[Person]:
    """The people, some of them a second time in capitals, and lines without a usable address."""
    lines = list(people)
    again = [Person(p.email.upper(), p.first_name, p.city) for p in chance.sample(lines, TWICE)]
    bad = [Person(NO_ADDRESSES[n % len(NO_ADDRESSES)], f"Bad {n}", "") for n in range(BAD)]
    for line in (*again, *bad):
        lines.insert(chance.randrange(len(lines)), line)
    return lines


def contact_file(lines: Iterable[Person]) -> bytes:
    """As CSV."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("E-mail", "First name", "City"))
    writer.writerows((line.email, line.first_name, line.city) for line in lines)
    return out.getvalue().encode()
