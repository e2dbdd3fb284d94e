"""What is kept of a User-Agent."""

from __future__ import annotations

import pytest

from esp.engagement.agents import kind_of

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


@pytest.mark.standard("TRK-04")
@pytest.mark.standard("TRK-08")
@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        ("Mozilla/5.0", "apple-proxy"),
        (GMAIL, "google-proxy"),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", "yahoo-proxy"),
        (FIREFOX, ""),
        ("", "none"),
        ("curl/8.5.0", "program"),
        ("python-requests/2.31", "program"),
        ("Mozilla/5.0 (compatible; bingbot/2.0)", "program"),
        ("Mozilla/5.0 HeadlessChrome/120", "program"),
    ],
)
def test_only_the_kind_of_program_is_kept(agent, kind):
    assert kind_of(agent) == kind
