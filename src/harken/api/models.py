"""`GET /v1/models`: what is served, in OpenAI's words.

One server serves one model, so the list has one entry. Beyond OpenAI's fields it says what a client may want to know
before it asks: the languages, the longest segment, whether words can be timed, and which wishes are refused.
"""

from __future__ import annotations

import json
import time

from fastapi import APIRouter, Request, Response

from harken.api.connected import while_connected
from harken.api.schema.models import MODEL_PARAMETERS, MODEL_RESPONSES, MODELS_RESPONSES
from harken.api.served import check_model
from harken.api.service import Provider, present
from harken.errors import NoReadyInstance, NotFound
from harken.types import AlignerInfo, ModelInfo


def models_routes(provider: Provider) -> APIRouter:
    """Return the routes over whatever service the provider has at the time."""
    router = APIRouter(tags=["models"])
    created = int(time.time())

    async def info(request: Request) -> ModelInfo:
        service = present(provider)
        # A recording may wait for the first instance; whoever asks what is served wants to hear that nothing is, yet.
        if not service.health().model:
            raise NoReadyInstance("No instance has said yet which model it serves.", retry_after_s=2)
        return await while_connected(request.receive, service.recognizer.model())

    @router.get(
        "/v1/models",
        summary="List what is served",
        operation_id="list_models",
        response_class=Response,
        responses=MODELS_RESPONSES,
    )
    async def list_models(request: Request) -> Response:
        """One model, always: the one that every request here is recognised with."""
        return _json({"object": "list", "data": [_model(await info(request), created)]})

    @router.get(
        "/v1/models/{name:path}",
        summary="Describe a model",
        operation_id="get_model",
        response_class=Response,
        responses=MODEL_RESPONSES,
        openapi_extra=MODEL_PARAMETERS,
    )
    async def get_model(request: Request) -> Response:
        """Accepts the same names as a transcription request does, but for none at all."""
        name = request.path_params["name"]
        if not name:
            raise NotFound("There is nothing at /v1/models/; /v1/models lists what is served.")
        served = await info(request)
        check_model(name, served)
        return _json(_model(served, created))

    return router


def _model(info: ModelInfo, created: int) -> dict[str, object]:
    return {
        "id": info.name,
        "object": "model",
        "created": created,
        "owned_by": "harken",
        "revision": info.revision,
        "max_segment_s": info.max_segment_s,
        "languages": list(info.languages),
        "aligner": None if info.aligner is None else _aligner(info.aligner),
        "lacks": list(info.lacks),
    }


def _aligner(info: AlignerInfo) -> dict[str, object]:
    return {"id": info.name, "revision": info.revision, "languages": list(info.languages)}


def _json(body: dict[str, object]) -> Response:
    return Response(json.dumps(body, ensure_ascii=False).encode(), media_type="application/json")
