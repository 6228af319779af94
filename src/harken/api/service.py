"""What the routes need of the server behind them, and the two questions every route asks first.

The server builds one `Service` when it can take requests; until then its provider returns None and the routes answer
503. The routes know nothing else of engines, dispatchers or processes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harken.api.live.service import Live
from harken.api.spool import SpoolMemory
from harken.config import LimitsConfig
from harken.errors import Draining, HarkenError, NoReadyInstance
from harken.jobs.jobs import Jobs
from harken.transcribe.transcriber import Transcriber
from harken.types import Health, Recognizer, Requester


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """The server as the routes see it.

    Attributes:
        name: of this server, for example "gateway" or "asr-1".
        transcriber: recordings → transcripts.
        recognizer: the one beneath the transcriber; asked for its model.
        health: the honest state now; cheap, never blocks.
        limits: what one request may ask for.
        jobs: work in the background; None where it is not offered.
        refusal: the error that a new recording of this requester would get now; None if it would be let in. Cheap.
        uploads: the memory in which recordings arrive.
        logs_text: the line at the end of a request holds the text that was recognised.
        live: transcription while somebody speaks; None where it is not offered.
        is_draining: whether its health would say so, where that is cheaper to know; None asks its health.
    """

    name: str
    transcriber: Transcriber
    recognizer: Recognizer
    health: Callable[[], Health]
    limits: LimitsConfig
    jobs: Jobs | None = None
    refusal: Callable[[Requester], HarkenError | None] = lambda _: None
    uploads: SpoolMemory = field(default_factory=SpoolMemory)
    logs_text: bool = False
    is_draining: Callable[[], bool] | None = None
    live: Live | None = None


Provider = Callable[[], Service | None]
"""Returns the service, or None before there is one."""


def present(provider: Provider) -> Service:
    """Return the service.

    Raises:
        NoReadyInstance: the server has not come that far.
    """
    service = provider()
    if service is None:
        raise NoReadyInstance("The server is still starting.", retry_after_s=2)
    return service


def admit(service: Service, requester: Requester) -> None:
    """Refuse before the body is read what would be refused after it.

    Raises:
        HarkenError: the service's refusal.
    """
    refusal = service.refusal(requester)
    if refusal is not None:
        raise refusal


def accepting(provider: Provider) -> Service:
    """Return the service if it takes new recordings.

    The pieces of a recording that was accepted earlier are still recognised while the server drains, so the door has to
    be closed here, not at the recognizer.

    Raises:
        NoReadyInstance: the server has not come that far.
        Draining: it is shutting down.
    """
    service = present(provider)
    is_draining = service.health().state == "draining" if service.is_draining is None else service.is_draining()
    if is_draining:
        raise Draining(retry_after_s=5)
    return service
