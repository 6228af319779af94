"""Failures as clients see them: every code, in both shapes, and the page that lists them."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import httpx
import pytest
from starlette.exceptions import HTTPException
from structlog.processors import format_exc_info
from structlog.testing import capture_logs

import harken.errors
import harken.wire
from harken.api.errors import answer
from harken.errors import ClientError, EngineFailed, HarkenError, InternalError, JobConflict, NotOffered, leaves
from tests.api.world import CLIP, World, ask, serving, talk
from tests.transcribe.fakes import FakeRecognizer

PAGE = Path(__file__).parents[2] / "docs/reference/errors.md"
CODES = sorted(leaves())
SERVERS = (harken.errors.__name__, harken.wire.__name__)
PATHS = {"/asr": "audio", "/v1/audio/transcriptions": "file"}


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_both_shapes(code: str) -> None:
    """Status, code and message are the tree's, whatever the shape."""
    error = leaves()[code]("What happened.", field="language")
    plain, openai = answer(error, "/asr"), answer(error, "/v1/models")
    assert plain.status_code == openai.status_code == error.status
    assert json.loads(bytes(plain.body)) == {"error": "What happened.", "code": code}
    kind = "invalid_request_error" if error.status < 500 else "server_error"
    assert json.loads(bytes(openai.body)) == {
        "error": {"message": "What happened.", "type": kind, "param": "language", "code": code}
    }


def test_a_refusal_says_when_to_come_back() -> None:
    """503 always, with the queue's own estimate where there is one; nothing else unless it knows."""
    assert answer(leaves()["queue_full"](retry_after_s=17), "/asr").headers["retry-after"] == "17"
    assert answer(leaves()["queue_full"](), "/asr").headers["retry-after"] == "2"
    assert "retry-after" not in answer(leaves()["timed_out"](), "/asr").headers
    assert "retry-after" not in answer(leaves()["bad_request"](), "/asr").headers


@pytest.mark.parametrize("path", PATHS)
def test_what_the_recognizer_raises_reaches_the_client(path: str) -> None:
    """Through a real server: status and code of the tree."""
    codes = ("engine_failed", "instance_failed", "queue_full", "timed_out", "no_ready_instance")
    world = World()

    async def conversation(client: httpx.AsyncClient) -> None:
        for code in codes:
            error = world.recognizer.errors[0] = leaves()[code]()
            response = await client.post(path, files={PATHS[path]: CLIP})
            body = response.json()
            assert response.status_code == error.status
            assert (body["code"] if path == "/asr" else body["error"]["code"]) == code

    talk(world, conversation)


@pytest.mark.parametrize("path", PATHS)
def test_a_defect_is_a_500_with_an_id_that_the_log_has(path: str) -> None:
    """The client learns the id and no secrets; the log has the id beside the traceback."""
    world = World(recognizer=FakeRecognizer(errors={0: ZeroDivisionError("secret")}))
    with capture_logs(processors=[format_exc_info]) as log:
        response = ask(world, "POST", path, files={PATHS[path]: CLIP}, headers={"X-Request-Id": "mine-3"})
    assert response.status_code == 500
    assert response.headers["x-request-id"] == "mine-3"
    assert "internal_error" in response.text
    assert "mine-3" in response.text
    assert "secret" not in response.text
    (entry,) = [entry for entry in log if entry["event"] == "request.defect"]
    assert entry["request_id"] == "mine-3"
    assert "ZeroDivisionError: secret" in entry["exception"]


def test_an_unknown_route_is_a_404_in_openais_shape() -> None:
    """Also with a slash too many: addresses are exact."""
    for path in ("/nowhere", "/asr/", "/v1/audio/nothing"):
        response = ask(World(), "POST", path, files={"audio": CLIP})
        assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_a_wrong_method_is_a_405_that_says_which_is_right() -> None:
    """In the route's own shape, with the header that HTTP wants."""
    response = ask(World(), "GET", "/asr")
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert response.headers["allow"] == "POST"
    assert "POST" in response.json()["error"]
    for path, methods in (("/v1/jobs", "GET, POST"), ("/v1/jobs/x", "GET, DELETE"), ("/health", "GET, HEAD")):
        response = ask(World(), "PATCH", path)
        assert (response.status_code, response.headers["allow"]) == (405, methods)


@pytest.mark.slow
def test_the_frameworks_own_refusals_get_our_shape() -> None:
    """Routes that the server adds may use typed parameters and HTTP exceptions; there is no third shape for those."""
    app = World().app()

    @app.get("/typed")
    async def typed(number: int) -> None:
        raise HTTPException(number, "odd")

    async def run() -> list[tuple[int, str]]:
        async with serving(app) as url, httpx.AsyncClient(base_url=url, verify=False) as client:
            answers = [await client.get(f"/typed?number={number}") for number in ("none", "418", "599")]
        return [(answer.status_code, answer.json()["error"]["code"]) for answer in answers]

    assert asyncio.run(run()) == [(400, "bad_request"), (400, "bad_request"), (500, "internal_error")]


def test_the_page_of_errors_lists_every_code_with_its_status() -> None:
    """docs/reference/errors.md and the tree agree, in both directions."""
    rows = re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \| (yes|no) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    # A command's own errors (harken.cli) are no answers of a server; the command's page lists them.
    known = {
        code: kind for code, kind in leaves().items() if kind.__module__ in ("harken.errors", harken.wire.__name__)
    }

    def row(code: str, kind: type[HarkenError]) -> tuple[str, str, str]:
        return code, str(kind.status), "yes" if kind.retryable else "no"

    assert set(rows) == {row(code, kind) for code, kind in known.items()}


def test_sdks_are_told_what_is_worth_repeating() -> None:
    """They repeat a 409 and everything from 500 on by themselves, unless this header says no."""
    path = "/v1/audio/transcriptions"
    errors = (EngineFailed(), InternalError(), JobConflict(), NotOffered(), ClientError())
    told = [answer(error, path).headers.get("x-should-retry") for error in errors]
    assert told == ["true", "false", "false", "false", None]
    assert "x-should-retry" not in answer(EngineFailed(), "/asr").headers
