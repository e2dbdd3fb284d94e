"""(pure) Whether what a person does with a mail may be stored with the person."""

from __future__ import annotations


def allowed(tracking: str, consent: bool | None) -> bool:
    """`tracking` is the account's setting when the broadcast began, `consent` the person's word.

    all: unless the person refused; consented: only if the person agreed; none: never.
    """
    if tracking == "all":
        return consent is not False
    return tracking == "consented" and consent is True
