"""(pure) Words of mails that no page shows: the footer in subscribers' mail, news for creators."""

from __future__ import annotations

from typing import NamedTuple

from esp.content.footer import FooterTexts

FOOTERS = {
    "en": FooterTexts(
        view="View in browser", preferences="Your preferences", unsubscribe="Unsubscribe"
    ),
    "id": FooterTexts(
        view="Lihat di peramban", preferences="Preferensi Anda", unsubscribe="Berhenti berlangganan"
    ),
}


class News(NamedTuple):
    """Liquid templates of subject and text."""

    subject: str
    text: str


NEWS = {
    "en": {
        "sent": News(
            "Sent: {{ name }}",
            "“{{ name }}” is finished: {{ sent }} sent, {{ failed }} failed, {{ skipped }} skipped."
            "\n\nThe report:\n{{ url }}\n",
        ),
        "held": News(
            "On hold: {{ name }}",
            "“{{ name }}” is on hold.\n\n{{ reason }}\n\nLook and decide:\n{{ url }}\n",
        ),
        "failed": News(
            "Not sent: {{ name }}",
            "“{{ name }}” could not be sent.\n\n{{ reason }}\n\nMend it here:\n{{ url }}\n",
        ),
    },
    "id": {
        "sent": News(
            "Terkirim: {{ name }}",
            "“{{ name }}” selesai: {{ sent }} terkirim, {{ failed }} gagal, {{ skipped }} dilewati."
            "\n\nLaporannya:\n{{ url }}\n",
        ),
        "held": News(
            "Ditahan: {{ name }}",
            "“{{ name }}” ditahan.\n\n{{ reason }}\n\nPeriksa dan putuskan:\n{{ url }}\n",
        ),
        "failed": News(
            "Tidak terkirim: {{ name }}",
            "“{{ name }}” tidak dapat dikirim.\n\n{{ reason }}\n\nPerbaiki di sini:\n{{ url }}\n",
        ),
    },
}
