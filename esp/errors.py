"""(pure) The errors the product raises on purpose, translated once at each door.

Error
├── Refused        the wish is understood and may not be carried out now; the text says what to do
├── Invalid        what was sent is wrong; `place` says where
├── NotFound       there is no such thing in this account
├── Conflict       somebody else was there first
└── SettingError   a setting is missing or wrong; the text names the variable
"""

from __future__ import annotations


def N_(text: str) -> str:
    """Mark `text` for translation where it is written; doors translate it where it is shown."""
    return text


class Error(Exception):
    """`text` is a sentence for people; `%(name)s` in it is filled from `values` once translated."""

    def __init__(self, text: str, **values: object) -> None:
        self.text = text
        self.values = values
        super().__init__(text % values if values else text)


class Refused(Error):
    """Understood, and may not be carried out in this state."""


class Invalid(Error):
    """Input that is wrong at `place` (a field name, a line number, a path)."""

    def __init__(self, text: str, place: str = "", **values: object) -> None:
        self.place = place
        super().__init__(text, **values)


class NotFound(Error):
    """No such thing in this account."""

    def __init__(self, text: str = N_("There is no such thing here."), **values: object) -> None:
        super().__init__(text, **values)


class Conflict(Error):
    """The state has changed meanwhile, or a unique value is taken."""


class SettingError(Error):
    """A setting is missing or wrong."""
