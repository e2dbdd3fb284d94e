"""The lint for strings nobody can translate finds what it should and nothing else."""

from __future__ import annotations

import pytest
from babel.messages.catalog import Message

from tests.catalogue import faults_of_entry, literal_text


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>{{ _('Save') }}</p>", []),
        ("<p>Save</p>", ["Save"]),
        ("<p>\n{{ name }} was here</p>", ["was here"]),
        ("<p>{{ n }} – {{ m }} %</p>", []),
        ('<img alt="A cat">', ["A cat"]),
        ('<img class="wide" alt="{{ alt }}">', []),
        ("{{ ui.button('Save', icon='check') }}", ["Save"]),
        ("{{ ui.button(_('Save'), icon='check') }}", []),
        ("{{ ui.stat(label=_('Sent'), of='Of all') }}", ["Of all"]),
        ("{% call t.table([_('Name'), 'State'], _('Lists')) %}{% endcall %}", ["State"]),
        ("{% set title = 'Lists' %}", ["Lists"]),
        ("{{ 'Yes' if ok else _('No') }}", ["Yes"]),
        ("{{ 'wide' if ok }}", []),
        ("{# Save #}<script>let Save = 1</script>", []),
        ("<kbd>Ctrl</kbd>", []),
        ("<pre>curl {{ url }}</pre>", []),
        ("{{ ngettext('%(num)s person', '%(num)s people', n) }}", []),
    ],
)
def test_literal_text(template, found):
    assert [words for _, words in literal_text(template)] == found


def test_it_says_where():
    assert literal_text("<p>\n\n{% if x %}\n</p>{% endif %}Save") == [(4, "Save")]


@pytest.mark.parametrize(
    ("original", "translated", "fault"),
    [
        ("Save", "Simpan", None),
        ("Save", "", "is not translated"),
        ("Save", "Save", "is the same in both languages; if that is right, add it to SAME"),
        ("URL", "URL", None),
        ("%(n)s of %(m)s", "%(m)s: %(n)s", None),
        ("%(n)s left", "tersisa", "has other placeholders in its translation"),
        (("%(num)s day", "%(num)s days"), ("%(num)s hari",), None),
        (("%(num)s day", "%(num)s days"), ("hari",), "has other placeholders in its translation"),
    ],
)
def test_a_translation(original, translated, fault):
    assert list(faults_of_entry(Message(original, translated))) == ([fault] if fault else [])
