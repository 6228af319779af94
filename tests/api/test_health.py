"""GET /health, its short forms, and the sign on the door."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx

import harken
from harken.api.health import STARTING, describe
from harken.types import Health
from tests.api.world import READY, World, ask, talk

STATES = [
    ("ready", True, "healthy", 200),
    ("degraded", True, "degraded", 200),
    ("degraded", False, "degraded", 503),
    ("starting", False, "starting", 503),
    ("draining", False, "draining", 503),
    ("broken", False, "unhealthy", 503),
    ("stopped", False, "unhealthy", 503),
]


def test_the_status_follows_readiness_and_the_word_follows_the_state() -> None:
    """200 means exactly: a recording sent now would be recognised."""
    world = World()

    async def conversation(client: httpx.AsyncClient) -> list[tuple[str, bool, str, int]]:
        seen = []
        for state, is_ready, _, _ in STATES:
            world.becomes(state, is_ready=is_ready)
            answer = await client.get("/health")
            seen.append((state, is_ready, answer.json()["status"], answer.status_code))
        return seen

    assert talk(world, conversation) == STATES


def test_the_body_tells_of_each_instance() -> None:
    """Names, addresses, states and counts."""
    body = describe(READY, datetime(2026, 11, 22, 16, 0, tzinfo=UTC))
    assert body == {
        "status": "healthy",
        "timestamp": "2026-11-22T16:00:00.000+00:00",
        "instance": "asr-1",
        "model": READY.model,
        "queued_audio_s": 0.0,
        "loop_lag_s": 0.0,
        "instances": [
            {
                "name": "asr-1",
                "url": "http://127.0.0.1:7861",
                "state": "ready",
                "in_flight": 0,
                "slots": 4,
                "limit": 0,
                "last_success_s": None,
                "loop_lag_s": 0.0,
                "ejected": "",
                "restarts": 0,
                "pid": None,
                "detail": "",
            }
        ],
    }


def test_before_there_is_a_service_the_early_health_answers() -> None:
    """Listening is not being ready."""
    answer = ask(World(has_service=False), "GET", "/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "starting")
    assert Health(name="", is_ready=False, state="starting") == STARTING


def test_alive_is_not_ready() -> None:
    """A server that is still starting is alive, and takes no traffic."""
    world = World(has_service=False)
    assert ask(world, "GET", "/health/live").status_code == 200
    assert ask(world, "GET", "/health/ready").status_code == 503
    assert ask(World(), "GET", "/health/ready").status_code == 200


def test_head_asks_the_same_question() -> None:
    """Some load balancers probe with HEAD."""
    answer = ask(World(), "HEAD", "/health")
    assert (answer.status_code, answer.content) == (200, b"")
    assert ask(World(has_service=False), "HEAD", "/health/ready").status_code == 503


def test_the_door_says_what_is_behind_it() -> None:
    """A browser that comes by chance learns where to look."""
    body = ask(World(), "GET", "/").json()
    assert (body["name"], body["version"], body["server"]) == ("harken", harken.__version__, "asr-1")
    assert "POST /asr" in body["routes"]
