"""The form of a contact: the standard columns and the account's own fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as __
from flask_wtf import FlaskForm
from wtforms import DateField, EmailField, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.fields.core import Field as FormField

from esp.contacts.models import Contact, Field
from esp.translations import LANGUAGES

MAIN = ("email", "language", "first_name", "last_name", "phone", "company")
MORE = ("external_id", "occupation", "birth_date", "sex")
PLACE = ("street", "postal_code", "city", "region", "country", "time_zone")


class _DateText(DateField):  # type: ignore[misc]  # WTForms is untyped
    """Keeps what was typed: what is wrong with it is said by the capability."""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = valuelist[0].strip() if valuelist else ""

    def _value(self) -> str:
        return str(self.data or "")


class ContactForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """What every contact has."""

    email = EmailField(__("E-mail address"))
    first_name = StringField(__("First name"))
    last_name = StringField(__("Last name"))
    language = StringField(__("Language"), description=__("A code such as en or id."))
    external_id = StringField(
        __("Identifier"), description=__("Your own number or key for this person.")
    )
    phone = StringField(__("Phone"))
    company = StringField(__("Company"))
    occupation = StringField(__("Occupation"))
    birth_date = _DateText(__("Date of birth"))
    sex = SelectField(__("Sex"), validate_choice=False)
    street = StringField(__("Street"))
    postal_code = StringField(__("Postal code"))
    city = StringField(__("City"))
    region = StringField(__("Region"))
    country = StringField(__("Country"))
    time_zone = StringField(__("Time zone"), description=__("For example Asia/Jakarta."))


def contact_form(own: Sequence[Field], contact: Contact | None = None) -> ContactForm:
    """With a field named `fields.<key>` for each of the account's own."""
    made = type("_ContactForm", (ContactForm,), {f"fields.{f.key}": _field(f) for f in own})
    data: dict[str, Any] = {}
    if contact is not None:
        data = {name: getattr(contact, name) for name in (*MAIN, *MORE, *PLACE)}
        data |= {f"fields.{f.key}": _shown(contact.fields.get(f.key)) for f in own}
    form: ContactForm = made(data=data)
    form.sex.choices = [
        SelectChoice("", _("Not said")),
        SelectChoice("female", _("Female")),
        SelectChoice("male", _("Male")),
        SelectChoice("other", _("Other")),
    ]
    form.language.render_kw = {"list": "languages"}
    return form


def values_of(form: ContactForm, own: Sequence[Field]) -> dict[str, Any]:
    """What was typed, as the capability takes it."""
    values: dict[str, Any] = {name: form[name].data for name in (*MAIN, *MORE, *PLACE)}
    values["fields"] = {f.key: form[f"fields.{f.key}"].data or "" for f in own}
    return values


def suggested_languages() -> Mapping[str, str]:
    """Languages offered while typing; any other code can be written."""
    return LANGUAGES


def _field(field: Field) -> FormField:
    if field.type == "date":
        return _DateText(field.label)
    if field.type == "number":
        return StringField(field.label, render_kw={"inputmode": "decimal"})
    if field.type == "boolean":
        choices = [
            SelectChoice("", "–"),
            SelectChoice("true", __("Yes")),
            SelectChoice("false", __("No")),
        ]
        return SelectField(field.label, choices=choices, validate_choice=False)
    if field.type == "choice":
        choices = [
            SelectChoice("", "–"),
            *(SelectChoice(choice, choice) for choice in field.choices),
        ]
        return SelectField(field.label, choices=choices, validate_choice=False)
    return TextAreaField(field.label, render_kw={"rows": 1})


def _shown(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
