"""The editor of a message: what only a browser can show."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from esp.runtime import Runtime
from tests.browser.chromium import watched
from tests.browser.forms import sign_in
from tests.filled import fill

# The name of a file and what is in it; what it is taken for, and what stands in the editor then.
FILES = (
    ("news.html", "<h1>Grüße</h1>\r\n<p>…</p>".encode(), "html", "<h1>Grüße</h1>\n<p>…</p>"),
    ("old.htm", "<p>Grüße</p>".encode("cp1252"), "html", "<p>Grüße</p>"),
    ("wide.html", "<p>Grüße</p>".encode("utf-16"), "html", "<p>Grüße</p>"),
    ("news.mjml", b"<mjml></mjml>", "mjml", "<mjml></mjml>"),
    ("saved.html", b"\xef\xbb\xbf<mjml></mjml>", "mjml", "<mjml></mjml>"),
    ("note.txt", b"Hello", "text", "Hello"),
)


def test_a_file_takes_the_place_of_the_source(
    browser: Browser, runtime: Runtime, site: str, tmp_path: Path
):
    filled = fill(runtime)
    with watched(browser) as (context, _):
        page = context.new_page()
        sign_in(page, site, runtime, filled.user_id)
        page.goto(f"{site}/a/acme/broadcasts/{filled.objects['broadcast_id'][1]}/message")
        source = page.locator("#body")
        for name, data, kind, read in FILES:
            (tmp_path / name).write_bytes(data)
            before = source.input_value()
            with page.expect_file_chooser() as chooser:
                page.get_by_role("button", name="Open a file").click()
            with page.expect_response("**/message") as saved:
                chooser.value.set_files(tmp_path / name)
                expect(source).to_have_value(read)
            assert saved.value.status == 200
            expect(page.locator(f"[name=kind][value={kind}]")).to_be_checked()
            source.press("Control+z")
            expect(source).to_have_value(before)
