"""/openapi.json and docs/reference tell the truth."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest

from harken.api import asr, openai
from harken.api.access import Need, need_of
from harken.api.fields import KINDS
from harken.api.openapi import OPEN_PATHS
from tests.api.world import CLIP, World, ask, talk

PAGES = Path(__file__).parents[2] / "docs/reference"
PAGE = "\n".join(path.read_text(encoding="utf-8") for path in sorted(PAGES.glob("*.md")))
SCHEMA: dict[str, Any] = World().app().openapi()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in SCHEMA["paths"].items()
    for method, operation in methods.items()
}


def section(route: str) -> str:
    """What the page says under a route's heading, before its first subsection."""
    return PAGE.split(f"## `{route}`\n")[1].split("\n##")[0]


def form_of(route: str) -> dict[str, Any]:
    """The documented fields of a route's form."""
    schema = OPERATIONS[route]["requestBody"]["content"]["multipart/form-data"]["schema"]
    properties: dict[str, Any] = schema["properties"]
    return properties


def test_the_page_has_every_route_and_no_other() -> None:
    """A route that is not documented, or documented and not there, fails here."""
    assert sorted(re.findall(r"^## `((?:GET|POST|DELETE) .*)`$", PAGE, re.MULTILINE)) == sorted(OPERATIONS)


def test_every_route_has_a_summary_and_a_name_of_its_own() -> None:
    """Clients that are generated from the schema get good names."""
    assert all(operation["summary"] for operation in OPERATIONS.values())
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)


def test_page_schema_and_routes_agree_on_the_fields() -> None:
    """Three places, one list."""
    for route in ("POST /asr", "POST /v1/audio/transcriptions"):
        documented = re.findall(r"^\| `([a-z_]+)` \|", section(route), re.MULTILINE)
        assert documented == list(form_of(route)), route
    fields = [name for name in KINDS if not name.startswith("known_speaker")]
    assert list(form_of("POST /v1/audio/transcriptions")) == [openai.FILE_FIELD, *fields]
    assert asr.FILE_FIELD in form_of("POST /asr")


def test_the_page_names_every_documented_header() -> None:
    """Headers of the schema are headers of the page."""
    headers = OPERATIONS["POST /asr"]["responses"]["200"]["headers"]
    assert set(headers) < set(re.findall(r"^\| `([A-Z][A-Za-z-]+)` \|", PAGE, re.MULTILINE))


def fits(answer: httpx.Response, operation: dict[str, Any]) -> None:
    """The documented members are there, and no other."""
    response = operation["responses"][str(answer.status_code)]
    schema = response["content"]["application/json"]["schema"]
    kinds = schema.get("anyOf", [schema])
    found = set(answer.json())
    assert any(set(kind["required"]) <= found <= set(kind["properties"]) for kind in kinds), (answer.url, found)


@pytest.mark.slow
def test_real_answers_have_the_documented_fields() -> None:
    """Exactly these, on success and on refusal."""
    path = "/v1/audio/transcriptions"

    async def conversation(client: httpx.AsyncClient) -> dict[str, list[httpx.Response]]:
        return {
            "POST /asr": [await client.post("/asr", files={"audio": CLIP}), await client.post("/asr")],
            "POST /v1/audio/transcriptions": [
                await client.post(path, files={"file": CLIP}),
                await client.post(path, files={"file": CLIP}, data={"response_format": "verbose_json"}),
                await client.post(path),
                await client.post(path, files={"file": CLIP}, data={"model": "other"}),
            ],
            "POST /v1/audio/translations": [await client.post("/v1/audio/translations")],
            "GET /v1/models": [await client.get("/v1/models")],
            "GET /v1/models/{name}": [await client.get("/v1/models/whisper-1"), await client.get("/v1/models/other")],
            "GET /health": [await client.get("/health")],
            "GET /health/live": [await client.get("/health/live")],
            "GET /health/ready": [await client.get("/health/ready")],
            "GET /": [await client.get("/")],
        }

    for route, responses in talk(World(), conversation).items():
        for answer in responses:
            fits(answer, OPERATIONS[route])


def test_every_answer_in_json_has_an_example_that_fits_its_schema() -> None:
    """An example that is wrong would teach clients something wrong; null members are there too."""
    answers = {
        (route, status): response["content"]["application/json"]
        for route, operation in OPERATIONS.items()
        for status, response in operation["responses"].items()
        if "application/json" in response.get("content", {})
    }
    for where, content in answers.items():
        errors = list(jsonschema_rs.validator_for(content["schema"]).iter_errors(content["example"]))
        assert not errors, (where, errors)
    not_found = answers["GET /v1/models/{name}", "404"]["example"]["error"]
    assert not_found["param"] is None


def test_routes_that_may_need_a_key_say_so() -> None:
    """With the answers to a missing one; the health of a server is open to everybody."""
    for route, operation in OPERATIONS.items():
        path = route.split()[1]
        is_open = path in OPEN_PATHS
        assert (need_of(path) is Need.NOTHING) is is_open, "the schema and the guard disagree"
        assert ("security" in operation) is not is_open, route
        assert ({"401", "403", "429"} <= set(operation["responses"])) is not is_open, route


def test_the_schema_is_served() -> None:
    """Under the usual address."""
    assert ask(World(), "GET", "/openapi.json").json()["info"]["title"] == "Harken"
