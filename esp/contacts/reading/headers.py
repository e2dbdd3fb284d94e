"""(pure) What the columns of a contact file probably are, from their headers and first rows.

Knows the headers that Mailchimp, Brevo, HubSpot, listmonk, ActiveCampaign and Mautic write, and the
usual English, Indonesian and German ones.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence

import orjson

from esp.addresses import check
from esp.contacts.reading import typed
from esp.contacts.reading.mapping import Mapping
from esp.contacts.reading.targets import ATTRIBUTES, FIELD_KEY, IGNORE, STANDARD
from esp.contacts.reading.typed import Misfit

# Compared without case, spaces and punctuation. Of several columns that could become the same, the
# one whose name stands first here does.
_NAMES = {
    "email": "email emailaddress emailaddresses emailadresse emailadress mail mailadresse "
    "alamatemail surel alamatsurel workemail contactemail subscriberemail",
    "external_id": "externalid extid customerid clientid memberid userid recordid contactid "
    "kundennummer kundenid nomorpelanggan idpelanggan idanggota id",
    "first_name": "firstname fname givenname forename vorname namadepan prenom",
    "last_name": "lastname lname surname familyname nachname familienname namabelakang nom",
    "name": "name fullname contactname displayname nama namalengkap vollername kontaktname",
    "language": "language lang preferredlanguage preferredlocale locale sprache bahasa",
    "phone": "phone phonenumber mobile mobilephone mobilephonenumber sms smsphonenumber whatsapp "
    "telephone landlinenumber telefon telefonnummer mobiltelefon handy handynummer telepon "
    "nomortelepon notelp nohp nomorhp hp",
    "company": "company companyname organization organisation account accountname "
    "customeraccount associatedcompany firma unternehmen perusahaan namaperusahaan instansi",
    "occupation": "jobtitle occupation position jobposition role beruf berufsbezeichnung "
    "pekerjaan jabatan profesi",
    "birth_date": "birthdate dateofbirth dob birthday geburtsdatum geburtstag tanggallahir "
    "tgllahir",
    "sex": "sex gender geschlecht jeniskelamin",
    "street": "street address address1 addressline1 streetaddress strasse straße adresse anschrift "
    "alamat jalan",
    "street2": "address2 addressline2 street2 adresszusatz",
    "city": "city town stadt ort wohnort kota",
    "region": "region state stateregion province county bundesland provinsi",
    "postal_code": "postalcode zip zipcode postcode plz postleitzahl kodepos",
    "country": "country countryregion cc countrycode land negara",
    "time_zone": "timezone zeitzone zonawaktu",
    "status": "status emailmarketingstatus subscriptionstatus subscriberstatus liststatus "
    "contactstatus statuslangganan",
    "opted_in": "optin doubleoptin issubscribed subscribed emailoptin optedin",
    "opted_out": "unsubscribed unsubtime unsubscribedon unsubscribedat unsubscribedate "
    "dateunsubscribed unsubscribedfromallemail optout hasoptedoutofemail emailblacklisted "
    "blacklisted blacklist blocklisted donotcontact donotemail abgemeldet",
    "bounced": "cleantime bounced emailhardbouncereason hardbounced bouncedat bouncedate "
    "datebounced",
    "opted_in_at": "confirmtime optintime datesubscribed subscribedat subscribedate optindate "
    "doubleoptintime timestampopt dateidentified",
    "opted_in_ip": "confirmip optinip ipaddress ipopt ip",
    "source": "source signupsource optinsource originalsource originalsourcetype quelle sumber",
    "tags": "tags tag labels schlagworte",
    ATTRIBUTES: "attributes",
    # What only the other system needs.
    IGNORE: "memberrating latitude longitude gmtoff dstoff lastchanged leid euid "
    "unsubcampaigntitle unsubcampaignid unsubreason unsubreasonother cleancampaigntitle "
    "cleancampaignid addedtime modifiedtime createdat updatedat datecreated uuid createdate "
    "lastactivitydate lastactive contactowner owner leadstatus marketingcontactstatus points "
    "attribution attributiondate emaildomain lists listids",
}
# Whom a row is about, its columns say.
_FROM_ATTRIBUTES = frozenset(STANDARD) - {"email", "external_id"}
_TARGETS = {
    name: (rank, target)
    for target, names in _NAMES.items()
    for rank, name in enumerate(names.split())
}


def suggest(
    header: Sequence[str], fields: AnyMapping[str, str], rows: Sequence[Sequence[str]] = ()
) -> Mapping | None:
    """A mapping for a file with this header (empty strings where it has none).

    `fields` are the account's own fields, key to label; `rows` help to tell
    types, identifiers and the keys of a JSON column.
    None if no column holds an address or an identifier: then only a person can say.
    """
    columns = [_column(rows, index) for index in range(len(header))]
    targets = _by_name(header, fields)
    for index, target in enumerate(targets):
        if target == "birth_date" and not _are_dates(columns[index]):
            targets[index] = ""
        # Two rows with one identifier would become one contact.
        if target == "external_id" and len(set(columns[index])) < len(columns[index]):
            targets[index] = ""
    if "email" not in targets:
        best = max(range(len(columns)), key=lambda i: _addresses_in(columns[i]), default=None)
        if best is not None and _addresses_in(columns[best]):
            targets[best] = "email"
    if "email" not in targets and "external_id" not in targets:
        return None
    attributes: dict[str, str] = {}
    if ATTRIBUTES in targets:
        column = columns[targets.index(ATTRIBUTES)]
        attributes = _attributes(column, fields, taken=targets)
    taken = {*fields, *(target.split(":")[1] for target in attributes.values() if ":" in target)}
    for index, target in enumerate(targets):
        if not target:
            targets[index] = _new_field(header[index], index, columns[index], taken)
    every = [cell for column in columns for cell in column]
    return Mapping(tuple(targets), tuple(attributes.items()), typed.date_order(every))


def _by_name(header: Sequence[str], fields: AnyMapping[str, str]) -> list[str]:
    """A target for each header that is known, "" for the others."""
    own = {_plain(word): key for key, label in fields.items() for word in (key, label)}
    known: dict[str, tuple[int, int]] = {}
    targets = [""] * len(header)
    for index, name in enumerate(header):
        plain = _plain(name)
        rank, target = _TARGETS.get(plain, (0, ""))
        if target == IGNORE:
            targets[index] = IGNORE
        elif target:
            known[target] = min(known.get(target, (rank, index)), (rank, index))
        elif plain in own and f"field:{own[plain]}" not in targets:
            targets[index] = f"field:{own[plain]}"
    for target, (_, index) in known.items():
        targets[index] = target
    if "first_name" in known and "last_name" in known and "name" in known:
        targets[known["name"][1]] = IGNORE
    return targets


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).casefold()))


def _column(rows: Sequence[Sequence[str]], index: int) -> list[str]:
    return [row[index] for row in rows if index < len(row) and row[index].strip()]


def _are_dates(cells: list[str]) -> bool:
    """Mailchimp's birthdays are month and day: text, not a date."""
    try:
        for cell in cells:
            typed.day(cell, typed.date_order(cells))
    except Misfit:
        return False
    return True


def _addresses_in(cells: list[str]) -> int:
    return sum(1 for cell in cells if "@" in cell and check(cell.strip(), dressed=True).valid)


def _attributes(
    cells: list[str], fields: AnyMapping[str, str], taken: Sequence[str]
) -> dict[str, str]:
    """A target for each key that the objects of a JSON column have."""
    values: dict[str, list[str]] = {}
    for cell in cells:
        try:
            data = orjson.loads(cell)
        except ValueError:
            continue
        for key, value in data.items() if isinstance(data, dict) else ():
            text = value if isinstance(value, str) else orjson.dumps(value).decode()
            values.setdefault(key, []).append(text)
    names = list(values)[:100]
    found = _by_name(names, fields)
    keys = {*fields, *(target.split(":")[1] for target in taken if ":" in target)}
    for index, (name, target) in enumerate(zip(names, found, strict=True)):
        # A column of the table knows better than a key within it.
        if target not in _FROM_ATTRIBUTES or target in taken:
            found[index] = target if target.startswith("field:") and target not in taken else ""
        if not found[index]:
            found[index] = _new_field(name, index, values[name], keys)
    return dict(zip(names, found, strict=True))


def _new_field(name: str, index: int, cells: list[str], taken: set[str]) -> str:
    """A field to add; a column without a name and without a value is left out."""
    if not name.strip() and not cells:
        return IGNORE
    base = field_key(name) or f"column_{index + 1}"
    key, number = base, 2
    while key in taken:
        key = f"{base[:36]}_{number}"
        number += 1
    taken.add(key)
    return f"new:{key}:{typed.guess(cells)}"


def field_key(label: str) -> str:
    """The key of a field with this label, "" if the label has no Latin letter or digit."""
    latin = unicodedata.normalize("NFKD", label.casefold()).encode("ascii", "ignore").decode()
    key = re.sub(r"[^a-z0-9]+", "_", latin).strip("_")
    if key[:1].isdigit():
        key = f"f_{key}"
    key = key[:40].rstrip("_")
    return key if FIELD_KEY.fullmatch(key) else ""
