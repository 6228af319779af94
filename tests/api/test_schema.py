"""/openapi.json and docs/reference/http.md tell the truth."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx

from harken.api import asr, openai
from tests.api.world import CLIP, World, ask, talk

PAGE = (Path(__file__).parents[2] / "docs/reference/http.md").read_text(encoding="utf-8")
SCHEMA: dict[str, Any] = World().app().openapi()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in SCHEMA["paths"].items()
    for method, operation in methods.items()
}


def section(route: str) -> str:
    """What the page says under a route's heading."""
    return PAGE.split(f"## `{route}`\n")[1].split("\n## ")[0]


def form_of(route: str) -> dict[str, Any]:
    """The documented fields of a route's form."""
    schema = OPERATIONS[route]["requestBody"]["content"]["multipart/form-data"]["schema"]
    properties: dict[str, Any] = schema["properties"]
    return properties


def test_the_page_has_every_route_and_no_other() -> None:
    """A route that is not documented, or documented and not there, fails here."""
    assert sorted(re.findall(r"^## `((?:GET|POST) .*)`$", PAGE, re.MULTILINE)) == sorted(OPERATIONS)


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
    assert tuple(form_of("POST /v1/audio/transcriptions")) == openai.FIELDS
    assert asr.FILE_FIELD in form_of("POST /asr")


def test_the_page_names_every_documented_header() -> None:
    """Headers of the schema are headers of the page."""
    headers = OPERATIONS["POST /asr"]["responses"]["200"]["headers"]
    assert set(headers) < set(re.findall(r"^\| `([A-Z][A-Za-z-]+)` \|", PAGE, re.MULTILINE))


def keys(response: dict[str, Any]) -> set[str]:
    """The fields that the schema requires of an answer."""
    return set(response["content"]["application/json"]["schema"]["required"])


def test_real_answers_have_the_documented_fields() -> None:
    """Exactly these, on success and on refusal; the examples too."""

    async def conversation(client: httpx.AsyncClient) -> dict[str, list[httpx.Response]]:
        return {
            "POST /asr": [await client.post("/asr", files={"audio": CLIP}), await client.post("/asr")],
            "POST /v1/audio/transcriptions": [
                await client.post("/v1/audio/transcriptions", files={"file": CLIP}),
                await client.post("/v1/audio/transcriptions"),
                await client.post("/v1/audio/transcriptions", files={"file": CLIP}, data={"model": "other"}),
            ],
            "GET /v1/models": [await client.get("/v1/models")],
            "GET /v1/models/{name}": [await client.get("/v1/models/whisper-1"), await client.get("/v1/models/other")],
            "GET /health": [await client.get("/health")],
            "GET /health/live": [await client.get("/health/live")],
            "GET /health/ready": [await client.get("/health/ready")],
            "GET /": [await client.get("/")],
        }

    answers = talk(World(), conversation)
    assert set(answers) == set(OPERATIONS)
    for route, responses in answers.items():
        for answer in responses:
            documented = OPERATIONS[route]["responses"][str(answer.status_code)]
            assert set(answer.json()) == keys(documented), (route, answer.status_code)
    for route, operation in OPERATIONS.items():
        for status, response in operation["responses"].items():
            assert set(response["content"]["application/json"]["example"]) == keys(response), (route, status)


def test_the_schema_is_served_and_no_page_loads_from_elsewhere() -> None:
    """The framework's own documentation pages fetch scripts from other servers."""
    assert ask(World(), "GET", "/openapi.json").json()["info"]["title"] == "Harken"
    for path in ("/docs", "/redoc"):
        assert ask(World(), "GET", path).status_code == 404
