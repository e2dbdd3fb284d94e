"""Language, dates and numbers of a page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from flask import render_template_string

from esp.broadcasts.states import NOT_NOW, STATES
from esp.entrypoints.web import looks
from esp.entrypoints.web.frame import public, sentence, speak
from esp.errors import Refused
from tests.doors.web.shell import MIRA, NOON, one_page, pages, signed_in

PAGE = '{% extends "layout/app.html" %}{% block content %}<h1>A page</h1>{% endblock %}'


def app_page():
    return render_template_string(PAGE)


class TestLanguages:
    @pytest.mark.parametrize(
        ("slug", "person", "accept", "language"),
        [
            ("acme", MIRA, "id", "en"),
            ("kopi", MIRA, "en", "id"),
            ("acme", replace(MIRA, language="id"), "en", "id"),
        ],
    )
    def test_signed_in_the_person_and_then_the_account_choose(self, slug, person, accept, language):
        client = signed_in(pages(one_page(app_page), person))

        text = client.get(f"/a/{slug}/page", headers={"Accept-Language": accept}).text

        assert f'<html lang="{language}"' in text
        assert ("Keluar" in text) == (language == "id")

    @pytest.mark.parametrize(
        ("accept", "language"),
        [("id-ID,id;q=0.9", "id"), ("de, en;q=0.5", "en"), ("", "en"), ("fr", "en")],
    )
    def test_strangers_are_answered_as_their_browser_wishes(self, accept, language):
        client = pages(one_page(app_page)).test_client()

        text = client.get("/nowhere", headers={"Accept-Language": accept}).text

        assert f'<html lang="{language}"' in text

    def test_a_view_can_choose_the_readers_language(self):
        def view():
            speak("id", "Asia/Jakarta")
            return looks.when(NOON)

        text = pages(one_page(public(view), "/x")).test_client().get("/x").text

        assert text == "2 Nov 2026, 19.00"

    @pytest.mark.parametrize(
        ("slug", "shown", "text"),
        [
            ("acme", lambda: looks.when(NOON), "Nov 2, 2026, 7:00\u202fPM"),
            ("acme", lambda: looks.when(None), "–"),
            ("acme", lambda: looks.day(datetime(2026, 11, 1, 23, 0, tzinfo=UTC)), "Nov 2, 2026"),
            ("acme", lambda: looks.day(date(2026, 11, 1)), "Nov 1, 2026"),
            ("acme", lambda: looks.ago(datetime(2026, 11, 2, 11, 55, tzinfo=UTC)), "5 minutes ago"),
            ("acme", lambda: looks.number(48213), "48,213"),
            ("kopi", lambda: looks.number(48213), "48.213"),
            ("acme", lambda: looks.compact(48213), "48.2K"),
            ("acme", lambda: looks.rate(1, 8), "12.5%"),
            ("kopi", lambda: looks.rate(1, 8), "12,5%"),
            ("acme", lambda: looks.rate(1, 0), "–"),
            ("acme", lambda: looks.size(23_812), "23.8 kB"),
            ("acme", lambda: looks.size(999), "999 B"),
            ("acme", lambda: looks.size(7_200_000_000), "7.2 GB"),
        ],
    )
    def test_dates_and_numbers_follow_the_account(self, slug, shown, text):
        assert signed_in(pages(one_page(lambda: shown()))).get(f"/a/{slug}/page").text == text

    @pytest.mark.parametrize("state", STATES)
    def test_what_a_broadcast_refuses_is_said_in_one_language(self, state):
        client = signed_in(pages(one_page(lambda: sentence(Refused(NOT_NOW[state])))))

        assert client.get("/a/acme/page").text == NOT_NOW[state]
        assert client.get("/a/kopi/page").text.startswith("Siaran ")
        assert state not in client.get("/a/kopi/page").text.split()
