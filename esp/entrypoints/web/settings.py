"""What an account says about itself, and the log of what was done in it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import available_timezones

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as __
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import (
    EmailField,
    RadioField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
    URLField,
)

from esp.accounts import accounts, audit, queries
from esp.accounts.accounts import AccountSettings
from esp.accounts.models import AuditEntry
from esp.entrypoints.web.failures import add_error
from esp.entrypoints.web.frame import (
    current_account,
    current_account_id,
    current_user,
    go,
    notify,
    requires,
    transaction,
)
from esp.errors import Invalid
from esp.translations import LANGUAGES

blueprint = Blueprint("settings", __name__, url_prefix="/a/<slug>/settings")

ENTRIES_ON_A_PAGE = 50

TRACKING = (
    SelectChoice("consented", __("With consent")),
    SelectChoice("all", __("Everybody")),
    SelectChoice("none", __("Nobody")),
)


class CompanyForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """The company, what its mails need, and how times and words are shown."""

    name = StringField(__("Company"))
    postal_address = TextAreaField(
        __("Postal address"),
        description=__("Stands at the end of every mail; the law asks for it."),
    )
    website = URLField(__("Web site"))
    from_name = StringField(__("Sender’s name"))
    from_address = EmailField(__("Sender’s address"))
    language = SelectField(
        __("Language"),
        choices=[SelectChoice(*language) for language in LANGUAGES.items()],
        validate_choice=False,
    )
    time_zone = SelectField(__("Time zone"), validate_choice=False)
    tracking = RadioField(
        __("Whose opens and clicks are measured"), choices=TRACKING, validate_choice=False
    )

    def values(self) -> AccountSettings:
        """What was typed."""
        fields = AccountSettings.__dataclass_fields__
        return AccountSettings(**{name: self[name].data or "" for name in fields})


@blueprint.get("")
def index() -> Response:
    """The first page of the settings that this person may see."""
    endpoint = "settings.company" if current_account().allows("manager") else "profile.profile"
    return go(url_for(endpoint))


@blueprint.route("/company", methods=["GET", "POST"])
@requires("manager")
def company() -> str | tuple[str, int] | Response:
    """Show and change the account's own settings."""
    with transaction() as session:
        stored = queries.account(session, current_account_id())
    form = CompanyForm(obj=stored)
    form.time_zone.choices = time_zones()
    if form.is_submitted():
        try:
            with transaction() as session:
                accounts.update_account(session, current_account_id(), form.values())
                audit.record(
                    session,
                    current_account_id(),
                    current_user().email,
                    "account.change",
                    stored.name,
                )
        except Invalid as wrong:
            add_error(form, wrong)
            return render_template("settings/company.html", form=form), 422
        notify(_("The settings are saved."))
        return go(url_for("settings.company"))
    return render_template("settings/company.html", form=form)


@blueprint.get("/log")
@requires("manager")
def log() -> str:
    """Who did what, newest first."""
    after = _position(request.args.get("after", ""))
    with transaction() as session:
        entries = queries.audit_page(
            session, current_account_id(), after=after, limit=ENTRIES_ON_A_PAGE + 1
        )
    more = len(entries) > ENTRIES_ON_A_PAGE
    entries = entries[:ENTRIES_ON_A_PAGE]
    return render_template(
        "settings/log.html",
        entries=entries,
        older=url_for("settings.log", after=_written(entries[-1])) if more else None,
        newest=url_for("settings.log") if after else None,
    )


def time_zones() -> list[SelectChoice]:
    """Names of zones for people: UTC, then places by continent."""
    places = sorted(
        zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/")
    )
    return [SelectChoice(zone, zone.replace("_", " ")) for zone in ("UTC", *places)]


def _written(entry: AuditEntry) -> str:
    return f"{int(entry.at.timestamp() * 1_000_000)}.{entry.id}"


def _position(text: str) -> tuple[datetime, int] | None:
    micros, _dot, entry_id = text.partition(".")
    if not (micros.isdecimal() and entry_id.isdecimal()) or len(micros) > 17 or len(entry_id) > 18:
        return None
    return datetime.fromtimestamp(int(micros) / 1_000_000, UTC), int(entry_id)
