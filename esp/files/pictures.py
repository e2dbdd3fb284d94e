"""(pure) Whether an uploaded picture is one that mail programs show, and how large it is."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from PIL import Image

from esp.errors import N_, Invalid

LIMIT_BYTES = 5 * 1024 * 1024
LIMIT_PIXELS = 40_000_000
# SVG is left out: mail programs don't show it, and it can carry scripts.
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}


@dataclass(frozen=True)
class Measured:
    """Media type, and width and height in pixels."""

    content_type: str
    width: int
    height: int


def measure(data: bytes) -> Measured:
    """The kind is read from the bytes, never from the name; Invalid for anything but a picture."""
    refused = Invalid(N_("This is not a PNG, JPEG, GIF or WebP picture."), "file")
    if len(data) > LIMIT_BYTES:
        raise Invalid(N_("The picture is larger than 5 MB. Make it smaller first."), "file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                kind, (width, height) = image.format, image.size
                image.verify()
    except Exception as error:  # Pillow raises many kinds on hostile bytes
        raise refused from error
    if kind not in TYPES or width * height > LIMIT_PIXELS or not width or not height:
        raise refused
    return Measured(TYPES[kind], width, height)
