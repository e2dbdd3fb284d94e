"""Uploaded pictures are judged by their bytes."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from esp.errors import Invalid
from esp.files.pictures import measure


def picture(kind: str) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(target, kind)
    return target.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_pictures_that_mail_programs_show_are_taken(kind):
    measured = measure(picture(kind))
    assert measured.content_type == f"image/{kind.lower()}"
    assert (measured.width, measured.height) == (40, 30)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a",
        picture("PNG")[:40],
        picture("TIFF"),
    ],
    ids=["empty", "svg", "head only", "cut", "tiff"],
)
def test_everything_else_is_refused(data):
    with pytest.raises(Invalid):
        measure(data)


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_but_invalid(data):
    # A few bytes may by chance be a picture.
    with contextlib.suppress(Invalid):
        assert measure(data).width > 0
