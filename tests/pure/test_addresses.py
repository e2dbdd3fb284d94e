"""What an address may look like, and the one form in which it is kept."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from esp.addresses import (
    REASONS,
    check,
    display_domain,
    domain_of,
    is_disposable,
    is_role,
    masked,
)

TAKEN = [
    # As given, as kept.
    ("ann@example.com", "ann@example.com"),
    ("Ann.Lee@Example.COM", "ann.lee@example.com"),
    ("  ann@example.com\t", "ann@example.com"),
    ("\ufeffann@example.com\u200b", "ann@example.com"),
    ("ann+news@example.com", "ann+news@example.com"),
    ("o'brien@example.ie", "o'brien@example.ie"),
    ("!#$%&'*+-/=?^_`{|}~@example.org", "!#$%&'*+-/=?^_`{|}~@example.org"),
    ("-@example.com", "-@example.com"),
    ("1234567890@123.example", "1234567890@123.example"),
    ("a--b@example.com", "a--b@example.com"),
    ("ann@a.b.c.d.example.com", "ann@a.b.c.d.example.com"),
    ("ann@my-host.example.museum", "ann@my-host.example.museum"),
    ("ann@x.test", "ann@x.test"),
    ("x" * 64 + "@example.com", "x" * 64 + "@example.com"),
    # Quoted local parts, with the least quoting.
    ('"ann lee"@example.com', '"ann lee"@example.com'),
    ('"ann.lee"@example.com', "ann.lee@example.com"),
    ('"ann..lee"@example.com', '"ann..lee"@example.com'),
    ('"a@b"@example.com', '"a@b"@example.com'),
    ('"a\\"b"@example.com', '"a\\"b"@example.com'),
    ('"\\a\\b"@example.com', "ab@example.com"),
    # International domains and local parts.
    ("ann@Bücher.example", "ann@xn--bcher-kva.example"),
    ("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example"),
    ("ann@faß.de", "ann@xn--fa-hia.de"),
    ("ann@例子。测试", "ann@xn--fsqu00a.xn--0zwm56d"),
    ("ann@ｅｘａｍｐｌｅ．ｃｏｍ", "ann@example.com"),
    ("用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v"),
    ("Jörg@example.de", "jörg@example.de"),
    ("jo\u0308rg@example.de", "jörg@example.de"),
    ("квіточка@пошта.укр", "квіточка@xn--80a1acn3a.xn--j1amh"),
    ("θσερ@εχαμπλε.ψομ", "θσερ@xn--mxahbxey0c.xn--xxaf0a"),
    # Only A–Z are folded: other letters are the receiver's affair.
    ("Ärger@Example.de", "Ärger@example.de"),
]

REFUSED = [
    ("", "empty"),
    ("   ", "empty"),
    ("ann", "no_at"),
    ("ann.example.com", "no_at"),
    ("ann＠example.com", "wide_at"),
    ("@example.com", "no_local"),
    ('""@example.com', "no_local"),
    ("ann@", "no_domain"),
    ("ann@lee@example.com", "several_at"),
    ("ann@@example.com", "several_at"),
    ("ann@example.com, bob@example.com", "several"),
    ("Ann <ann@example.com>, Bob <bob@example.com>", "several"),
    ("Ann <ann@example.com>", "space"),
    ("mailto:ann@example.com", "local"),
    ("\ufffdnn@example.com", "encoding"),
    ("ann lee@example.com", "space"),
    ("ann @example.com", "space"),
    ("ann@ example.com", "space"),
    ("ann@exam ple.com", "space"),
    ("ann(home)@example.com", "comment"),
    ("ann@(home)example.com", "comment"),
    ("(home)ann@example.com", "comment"),
    (".ann@example.com", "dots"),
    ("ann.@example.com", "dots"),
    ("ann..lee@example.com", "dots"),
    ("ann@.example.com", "dots"),
    ("ann@example..com", "dots"),
    ("ann@example.com.", "dots"),
    ('"ann"lee@example.com', "quotes"),
    ('ann."lee"@example.com', "quotes"),
    ('"ann"."lee"@example.com', "quotes"),
    ('"ann@example.com', "quotes"),
    ('"ann\\"@example.com', "quotes"),
    ('an"n@example.com', "quotes"),
    ("ann,lee@example.com", "local"),
    ("ann;lee@example.com", "local"),
    ("ann[lee]@example.com", "local"),
    ("ann\\lee@example.com", "local"),
    ("ann:lee@example.com", "local"),
    ("ann\u202eeel@example.com", "local"),
    ("an\u200bn@example.com", "local"),
    ("\u0308ann@example.com", "local"),
    ("ann@[192.0.2.1]", "literal"),
    ("ann@[IPv6:2001:db8::1]", "literal"),
    ("ann@192.0.2.1", "domain"),
    ("ann@localhost", "no_tld"),
    ("ann@com", "no_tld"),
    ("ann@mail_host.example.com", "underscore"),
    ("ann@-example.com", "domain"),
    ("ann@example-.com", "domain"),
    ("ann@exam!ple.com", "domain"),
    ("ann@example.com?subject=hi", "domain"),
    ("ann@example.com:25", "domain"),
    ("ann@xn--a.example", "domain"),
    ("ann@☃.example", "domain"),
    ("ann@example.123", "domain"),
    ("ann@" + "x" * 64 + ".com", "domain"),
    ("x" * 65 + "@example.com", "long_local"),
    ("é" * 33 + "@example.com", "long_local"),
    ("ann@" + "x." * 130 + "com", "long_domain"),
    ("x" * 64 + "@" + ("x" * 49 + ".") * 4 + "com", "long"),
    ("x" * 5000, "long"),
    ("ann@example.com\n", "control"),
    ("ann@example.com\r\nBcc: bob@example.com", "control"),
    ("ann\x00@example.com", "control"),
    ('"ann\r\nlee"@example.com', "control"),
    ("ann\x7f@example.com", "control"),
    ("ann\u2028@example.com", "control"),
    ("ann\ud800@example.com", "control"),
]


@pytest.mark.parametrize(("given_text", "kept"), TAKEN)
def test_taken(given_text: str, kept: str) -> None:
    assert check(given_text) == (True, kept, None)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Ann Lee <Ann@Example.com>", "ann@example.com"),
        ('"Lee, Ann @ home" <ann@example.com>', "ann@example.com"),
        ("<ann@example.com>", "ann@example.com"),
        ("mailto:Ann@example.com", "ann@example.com"),
    ],
)
def test_a_name_or_a_link_round_it_is_taken_off_where_that_is_wanted(text: str, kept: str) -> None:
    assert check(text, dressed=True) == (True, kept, None)
    assert not check(text).valid


@pytest.mark.parametrize("text", ["ann@example.com <bob@example.com>", "ann@example.com>"])
def test_a_name_that_cannot_be_read_is_refused(text: str) -> None:
    assert check(text, dressed=True) == (False, None, "name")


@pytest.mark.standard("SMTP-05")
@pytest.mark.standard("FMT-04")
@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_refused(text: str, reason: str) -> None:
    assert check(text) == (False, None, reason)


def test_every_reason_has_a_sentence_and_a_case() -> None:
    assert {reason for _, reason in REFUSED} | {"name"} == set(REASONS)


@pytest.mark.standard("EAI-03")
@pytest.mark.parametrize("domain", ["bücher.example", "例子.广告", "пошта.укр"])
def test_both_forms_of_a_domain_are_one_address(domain: str) -> None:
    labels = domain_of(check(f"ann@{domain}").normalized or "")
    assert labels.isascii()
    assert check(f"ann@{labels}") == check(f"ann@{domain}")
    assert display_domain(labels) == domain


def test_letters_that_only_fold_to_ascii_are_not_the_ascii_address() -> None:
    kelvin = check("\u212aate@example.com")
    assert kelvin.normalized is not None
    # NFC itself maps the Kelvin sign to K; the dotless long s stays what it is.
    assert kelvin.normalized == "kate@example.com"
    assert check("\u017fam@example.com").normalized == "\u017fam@example.com"


_parts = st.text(alphabet=st.sampled_from('aA.é\u0308H\u0331@"\\ -_<>()[]:;,xn。ß例\u200b\r\n\x00'))


@given(st.one_of(st.text(), _parts, st.builds("{}@{}.com".format, _parts, _parts)))
@example("H\u0331@example.com")
@example('"a;\u037eb"@example.com')
def test_laws(text: str) -> None:
    found = check(text)
    assert found.valid is (found.normalized is not None) is (found.reason is None)
    if found.normalized is None:
        assert found.reason in REASONS
        return
    assert check(found.normalized) == found
    local, _, domain = found.normalized.rpartition("@")
    assert not set(found.normalized) & set("\r\n\x00")
    assert len(local.encode()) <= 64
    assert domain.isascii() and domain == domain.lower() and len(domain) <= 255
    assert len(found.normalized.encode()) <= 254


@given(st.emails())
def test_what_rfc_5322_writes_without_quotes_is_judged_without_surprise(address: str) -> None:
    assert check(address) == check(address.swapcase())


def test_roles_and_throw_away_domains() -> None:
    assert is_role("postmaster@example.com")
    assert is_role("info+shop@example.com")
    assert not is_role("informatics@example.com")
    assert is_disposable("mailinator.com")
    assert is_disposable("eu.mailinator.com")
    assert not is_disposable("example.com")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("joe@example.com", "j***@example.com"),
        ('"a@b"@example.com', '"***@example.com'),
        ("nothing", "***"),
    ],
)
def test_masked_for_logs(address: str, shown: str) -> None:
    assert masked(address) == shown
