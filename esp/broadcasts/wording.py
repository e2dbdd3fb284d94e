"""(pure) Words that stand in subscribers' mail, in the language of the account."""

from __future__ import annotations

from esp.content.footer import FooterTexts

FOOTERS = {
    "en": FooterTexts(
        view="View in browser", preferences="Your preferences", unsubscribe="Unsubscribe"
    ),
    "id": FooterTexts(
        view="Lihat di peramban", preferences="Preferensi Anda", unsubscribe="Berhenti berlangganan"
    ),
}
