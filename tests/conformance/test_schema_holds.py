"""Every route of a running gateway, asked a few dozen odd and wrong questions made from its own schema (schemathesis).

No answer may be a defect (5xx), and every answer must be one that the schema describes: its status, its content type,
its headers and its members.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, reject, settings, strategies
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.world import World
from tests.conformance.keyed import keyed_cluster

pytestmark = pytest.mark.slow

RAW = World().app().openapi()
SCHEMA = schemathesis.openapi.from_dict(RAW)
READ = [result.ok() for result in SCHEMA.get_all_operations() if isinstance(result, Ok)]
OPERATIONS = {operation.label: operation for operation in READ}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    allow_header_conformance,
]
ALWAYS_5XX = {"POST /v1/audio/translations"}
"""501 is what it says."""

EXAMPLES = 40


def clip() -> bytes:
    """A WAV of a tenth of a second, so that some questions get further than the decoder."""
    held = io.BytesIO()
    with wave.open(held, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(16_000)
        written.writeframes(bytes(3200))
    return held.getvalue()


CLIP = clip()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A gateway over a stub, and a key that opens every route of it."""
    with keyed_cluster("stub", tmp_path_factory.mktemp("state"), {}) as (cluster, secret):
        yield cluster.url, secret


def with_audio(body: Any) -> Any:
    """Put a real recording where the schema's examples have random bytes."""
    if isinstance(body, dict):
        return {name: CLIP if isinstance(value, bytes) else value for name, value in body.items()}
    return body


def has_input(label: str) -> bool:
    """Whether the route takes anything that could be wrong."""
    method, path = label.split()
    operation = RAW["paths"][path][method.lower()]
    return "requestBody" in operation or "parameters" in operation


@strategies.composite
def questions(draw: strategies.DrawFn, label: str, mode: GenerationMode) -> Case[Any]:
    """Draw a question to a route.

    Which ones come depends on the answers to earlier ones, so not every run has the same; some trip over a defect of
    the tool's own, whose validator does not know its stand-in for a file's bytes, and are no questions at all.
    """
    try:
        return draw(OPERATIONS[label].as_strategy(generation_mode=mode))
    except ValueError as error:
        if "Unsupported type: 'Binary'" not in str(error):
            raise
        reject()


ENDLESS = {"GET /cluster/events"}
"""Streams that never end by themselves: who asks for one waits until his patience ends. tests/api asks them."""

ASKED = [label for label in OPERATIONS if label not in ENDLESS]
QUESTIONS = [pytest.param(label, GenerationMode.POSITIVE, id=f"{label} fitting") for label in ASKED]
QUESTIONS += [pytest.param(label, GenerationMode.NEGATIVE, id=f"{label} wrong") for label in ASKED if has_input(label)]


@pytest.mark.parametrize(("label", "mode"), QUESTIONS)
def test_no_question_finds_a_defect(gateway: tuple[str, str], label: str, mode: GenerationMode) -> None:
    """Whether it fits the schema or not."""
    checks = [check for check in CHECKS if check is not not_a_server_error or label not in ALWAYS_5XX]
    url, secret = gateway

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(questions(label, mode))
    def ask(case: Case[Any]) -> None:
        if mode is GenerationMode.POSITIVE:
            case.body = with_audio(case.body)
        headers = {"Authorization": f"Bearer {secret}"}
        case.call_and_validate(base_url=url, checks=checks, headers=headers, timeout=20)

    try:
        ask()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "nothing fits the schema"
        pytest.skip("nothing would be wrong for this route: its parameters may be any text")


def test_schemathesis_understands_the_whole_schema() -> None:
    """A route that it cannot read would not be asked."""
    assert set(OPERATIONS) == {f"{method.upper()} {path}" for path, routes in RAW["paths"].items() for method in routes}
