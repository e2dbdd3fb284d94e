"""The OpenAPI document says what the API does; the page shows it."""

from __future__ import annotations

import io
import re
from collections import Counter
from datetime import UTC, datetime

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.doors.api.program import Program

METHODS = ("get", "post", "put", "patch", "delete")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture
def document(program: Program) -> dict:
    return program.client.get("/api/v1/openapi.json").json


def test_every_address_is_in_it(app: Flask, document: dict):
    known = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    served = {
        (method, re.sub(r"<id:(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert served - known == {
        ("GET", "/api/"),
        ("GET", "/api/v1/docs"),
        ("GET", "/api/v1/openapi.json"),
    }
    assert known <= served


def test_every_reference_leads_somewhere(document: dict):
    for reference in set(re.findall(r'"#/([^"]+)"', str(document).replace("'", '"'))):
        found = document
        for step in reference.split("/"):
            found = found[step]
        assert found


def test_every_operation_is_told(document: dict):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            assert operation["tags"], (method, path)
            assert "401" in operation["responses"], (method, path)
            if method == "post":
                names = [p.get("$ref", "") for p in operation["parameters"]]
                assert "#/components/parameters/IdempotencyKey" in names
    assert document["security"] == [{"key": []}]


def test_the_page_shows_every_operation_without_anything_from_elsewhere(
    program: Program, document: dict
):
    answer = program.client.get("/api/v1/docs")

    assert answer.status_code == 200
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    assert not re.findall(r'(?:src|href)="(?!/|#)[^"]*"', answer.text)
    identifiers = re.findall(r'id="([^"]+)"', answer.text)
    assert len(identifiers) == len(set(identifiers))
    assert set(re.findall(r'href="#([^"]+)"', answer.text)) <= set(identifiers)
    operations = {
        operation["operationId"]
        for methods in document["paths"].values()
        for operation in methods.values()
    }
    assert operations <= set(identifiers)
    assert program.client.get("/api/").headers["Location"].endswith("/api/v1/docs")


def test_whatever_is_sent_is_answered_as_the_document_says(program: Program, clock):
    clock.now = datetime.now(UTC)
    real = one_of_each(program)
    answers: Counter[int] = Counter()
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", program.app)
    headers = {"Authorization": f"Bearer {program.key}"}
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 40
    operations.sort(key=lambda operation: operation.method == "delete")

    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(
            max_examples=8,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def answered(case):
            case.headers.pop("Authorization", None)
            # An invented number leads nowhere; a real one into the operation.
            case.path_parameters.update({name: real[name] for name in case.path_parameters})
            answer = case.call_and_validate(headers=headers, checks=CHECKS)
            answers[answer.status_code] += 1

        answered()

    assert answers[200] > 50
    assert answers[201] > 5
    assert answers[422] > 20
    assert set(answers) <= {200, 201, 202, 204, 400, 404, 409, 415, 422}


def one_of_each(program: Program) -> dict[str, int]:
    """Ids by the names that parameters have."""
    news = program.made("lists", {"name": "News"})["id"]
    file = (io.BytesIO(b"email\na@b.example\n"), "customers.csv")
    imported = program.post("imports", data={"file": file}, content_type="multipart/form-data")
    bodies = {
        "contact": {"email": "ayu@customers.example", "list_ids": [news]},
        "field": {"label": "Shoe size"},
        "suppression": {"email": "budi@customers.example"},
        "template": {"name": "Monthly", "html": "<p>Hello</p>"},
        "broadcast": {"subject": "Hello", "html": "<p>Hello</p>", "list_ids": [news]},
    }
    made = {f"{name}_id": program.made(f"{name}s", body)["id"] for name, body in bodies.items()}
    domain = program.made("domains", {"name": "acme.example"})["id"]
    return made | {"list_id": news, "import_id": imported.json["id"], "domain_id": domain}


@given(
    body=st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize("address", ["contacts", "broadcasts"])
def test_no_json_breaks_it(program: Program, address, body):
    assert program.post(address, body).status_code in (200, 201, 400, 409, 422)
