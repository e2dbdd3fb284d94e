"""What templates can use: language, dates, numbers, assets and icons."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import cached_property
from typing import Any, cast

from babel.dates import format_timedelta
from babel.numbers import format_compact_decimal, format_decimal, format_percent
from babel.support import Translations
from flask import Flask, current_app, g, request
from flask_babel import Babel, Domain, format_date, format_time, get_locale
from markupsafe import Markup

from esp import __version__
from esp.entrypoints.web import headers
from esp.entrypoints.web.frame import is_htmx, signed_in
from esp.entrypoints.web.navigation import navigation
from esp.entrypoints.web.static import asset
from esp.translations import LANGUAGES, catalogue

PRODUCT = "Esp"


class _Catalogues(Domain):  # type: ignore[misc]  # Flask-Babel is untyped
    """Reads the sources of the translations, so that nothing needs to be compiled."""

    def get_translations(self) -> Translations:
        locale = get_locale()
        return catalogue(locale.language if locale else "en")


class _Languages(Babel):  # type: ignore[misc]  # Flask-Babel is untyped
    @cached_property
    def domain_instance(self) -> Domain:
        return _Catalogues(translation_directories=[])


def dress(
    app: Flask, *, secure: bool, language: Callable[[], str | None], time_zone: Callable[[], str]
) -> None:
    """Give templates their language, filters and globals, and answers the security headers."""

    def choose() -> str:
        wanted = language() or request.accept_languages.best_match(LANGUAGES)
        return wanted if wanted in LANGUAGES else "en"

    _Languages().init_app(app, locale_selector=choose, timezone_selector=time_zone)
    headers.install(app, secure=secure)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        when=when,
        day=day,
        clock_time=clock_time,
        ago=ago,
        number=number,
        compact=compact,
        rate=rate,
        size=size,
    )
    app.jinja_env.globals.update(
        asset=asset,
        icon=icon,
        iso=iso,
        product=PRODUCT,
        version=__version__,
        languages=LANGUAGES,
        theme=theme,
        html_language=html_language,
        is_htmx=is_htmx,
    )
    app.context_processor(_about_the_person)


def _about_the_person() -> dict[str, Any]:
    if "account" not in g:
        return {"account": None, "person": None, "navigation": ()}
    return {
        "account": g.account,
        "person": signed_in(),
        "navigation": navigation(current_app, request.path),
    }


def icon(name: str, classes: str = "") -> Markup:
    """An icon of `assets/icons.txt`, for the eye only: the words beside it say the same."""
    return Markup('<svg class="icon {}" aria-hidden="true"><use href="{}#{}"></use></svg>').format(
        classes, asset("icons.svg"), name
    )


def theme() -> str:
    """light, dark, or auto: as the device."""
    wanted = request.cookies.get("theme", "")
    return wanted if wanted in ("light", "dark") else "auto"


def html_language() -> str:
    """Value of the page's lang attribute."""
    return str(get_locale())


def when(value: datetime | None) -> str:
    """Day and time in the account's zone: Nov 2, 2026, 4:00 PM."""
    if value is None:
        return "–"
    return f"{cast(str, format_date(value, 'medium'))}, {cast(str, format_time(value, 'short'))}"


def day(value: datetime | date | None) -> str:
    """Day in the account's zone: Nov 2, 2026."""
    if value is None:
        return "–"
    return cast(str, format_date(value, "medium", rebase=isinstance(value, datetime)))


def clock_time(value: datetime | None) -> str:
    """Time in the account's zone: 4:00 PM."""
    return "–" if value is None else cast(str, format_time(value, "short"))


def iso(value: datetime) -> str:
    """For the datetime attribute of <time>."""
    return value.isoformat(timespec="seconds")


def ago(value: datetime | None) -> str:
    """How long ago, or in how long, roughly: 5 minutes ago."""
    if value is None:
        return "–"
    now: datetime = current_app.extensions["esp"].clock()
    return format_timedelta(value - now, add_direction=True, locale=get_locale())


def number(value: float | None) -> str:
    """12,345 as the reader's language writes it."""
    return "–" if value is None else format_decimal(value, locale=get_locale())


def compact(value: int | None) -> str:
    """12K as the reader's language writes it."""
    return (
        "–"
        if value is None
        else format_compact_decimal(value, locale=get_locale(), fraction_digits=1)
    )


def rate(part: int | None, whole: int | None) -> str:
    """`part` of `whole` in percent with one digit; a dash when there is no whole."""
    if part is None or not whole:
        return "–"
    return format_percent(part / whole, format="#,##0.0%", locale=get_locale())


def size(value: int) -> str:
    """Bytes in the unit that reads best: 23.8 kB."""
    amount, unit = float(value), "B"
    for unit in ("B", "kB", "MB", "GB"):  # noqa: B007 -- the last one is used after the loop
        if amount < 1000:
            break
        amount /= 1000
    digits = "#,##0" if unit == "B" else "#,##0.#"
    return f"{format_decimal(amount, format=digits, locale=get_locale())} {unit}"
