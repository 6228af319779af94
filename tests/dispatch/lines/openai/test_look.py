"""Looks at real servers with OpenAI's audio API, of many kinds."""

from __future__ import annotations

from harken.dispatch.lines.line import Missed
from harken.dispatch.lines.openai.look import Found, OpenAILook
from harken.dispatch.lines.session import open_session
from harken.dispatch.lines.upstream import Upstream
from tests.dispatch.house import run
from tests.dispatch.openai_server import OpenAIServer, serving


def looked_at(server: OpenAIServer, *, times: int = 1, model: str = "", key: str = "") -> Found | Missed:
    """What the last of so many looks finds."""

    async def story() -> Found | Missed:
        async with serving(server), open_session() as session:
            looking = OpenAILook(Upstream(name="up", url=server.url, model=model, key=key), session)
            for _ in range(times - 1):
                await looking.ask()
            return await looking.ask()

    return run(story())


def found_at(server: OpenAIServer, *, model: str = "") -> Found:
    """The same where it must find something."""
    found = looked_at(server, model=model)
    assert isinstance(found, Found)
    return found


def test_a_vllm_is_ready_and_terse() -> None:
    """Its health is an empty 200; its list says who made it."""
    found = found_at(OpenAIServer())
    assert (found.state, found.is_terse) == ("ready", True)
    assert found.model is not None
    assert found.model.name == "Qwen/Qwen3-ASR-1.7B"


def test_what_is_served_is_asked_once_where_there_is_a_health() -> None:
    """A look costs one request."""
    server = OpenAIServer()
    looked_at(server, times=3)
    assert server.looks == ["/health", "/v1/models", "/health", "/health"]


def test_a_server_without_health_is_asked_for_its_models_instead() -> None:
    """At every look."""
    server = OpenAIServer(has_health=False)
    assert isinstance(looked_at(server, times=2), Found)
    assert server.looks == ["/health", "/v1/models"] * 2


def test_a_server_with_neither_is_ready_when_it_answers_and_its_model_is_named() -> None:
    """Only segments and canaries tell more; without a name nothing can be asked of it."""
    server = OpenAIServer(has_health=False, has_models=False)
    assert found_at(server, model="whisper-1").state == "ready"
    unnamed = found_at(OpenAIServer(has_health=False, has_models=False))
    assert (unnamed.state, unnamed.model) == ("starting", None)
    assert "no list of models" in unnamed.detail and "#model=" in unnamed.detail


def test_a_wrong_key_is_found_by_looking() -> None:
    """Before any segment is lost to it."""
    assert looked_at(OpenAIServer(key="right"), key="wrong") == Missed(reason="It refuses our key (HTTP 401).")
    assert isinstance(looked_at(OpenAIServer(key="right"), key="right"), Found)


def test_a_server_that_says_that_it_is_not_well_is_believed() -> None:
    """Whatever else it answers."""
    found = looked_at(OpenAIServer(health_status=500))
    assert found == Missed(reason="It answers HTTP 500 when asked for its health.")
