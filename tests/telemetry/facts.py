"""Facts to tell, as short as tests want them."""

from __future__ import annotations

from harken.events import DONE, DraftDone, RequestBegan, RequestEnded, Span, Stage, TurnDone
from harken.types import Priority


def began(name: str = "req_1", *, at: float = 0.0, route: str = "/asr") -> RequestBegan:
    """A request that was let in."""
    return RequestBegan(request_id=name, at=at, route=route, priority=Priority.INTERACTIVE, key="key_1")


def ended(
    name: str = "req_1",
    *,
    at: float = 0.0,
    took_s: float = 1.0,
    outcome: str = DONE,
    status: int | None = 200,
    route: str = "/asr",
    audio_s: float | None = 2.0,
    first_text_s: float | None = None,
    was_let_in: bool = True,
) -> RequestEnded:
    """A request that is over, `took_s` seconds after it began."""
    return RequestEnded(
        request_id=name,
        began=at,
        ended=at + took_s,
        route=route,
        priority=Priority.INTERACTIVE,
        key="key_1",
        outcome=outcome,
        status=status,
        is_failure=(status or 0) >= 500,
        audio_s=audio_s,
        first_text_s=first_text_s,
        was_let_in=was_let_in,
    )


def span(
    stage: Stage = Stage.TRY,
    name: str = "req_1",
    *,
    at: float = 0.0,
    took_s: float = 1.0,
    segment: int | None = 0,
    target: str = "asr-1",
    outcome: str = DONE,
    audio_s: float = 2.0,
) -> Span:
    """A stretch that is over, `took_s` seconds after it began."""
    return Span(
        request_id=name,
        stage=stage,
        began=at,
        ended=at + took_s,
        segment=segment,
        target=target,
        outcome=outcome,
        audio_s=audio_s,
    )


def draft(*, at: float = 0.0, took_s: float = 0.2) -> DraftDone:
    """A draft, `took_s` seconds after it was wanted."""
    return DraftDone(began=at, ended=at + took_s)


def turn(*, at: float = 0.0, took_s: float = 0.5) -> TurnDone:
    """A live turn's final text, `took_s` seconds after its end."""
    return TurnDone(committed=at, completed=at + took_s)
