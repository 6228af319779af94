"""`/v1/jobs/…/result` and `…/results`: results as answers, one in its format, or all of them as JSON lines.

Each is read and written when its turn comes, so that the results of a thousand files need the memory of one. Writing
happens in a thread.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from harken.api.job_query import offered, read_id, read_query, scope_of
from harken.api.schema.jobs import RESULT_PARAMETERS, RESULT_RESPONSES, RESULTS_PARAMETERS, RESULTS_RESPONSES
from harken.api.service import Provider, present
from harken.api.transcription import result_headers
from harken.errors import ClientError, JobConflict
from harken.jobs import FileState, Job, JobFile
from harken.jobs.describe import file_fields
from harken.jobs.jobs import Jobs
from harken.transcribe.form import Form, Rendered
from harken.transcribe.render import render
from harken.transcribe.result import RecordingTranscript


def results_routes(provider: Provider) -> APIRouter:
    """Return the routes over whatever service the provider has at the time."""
    router = APIRouter(tags=["jobs"])

    @router.get(
        "/v1/jobs/{job_id}/files/{number}/result",
        summary="The result of one file",
        operation_id="get_result",
        response_class=Response,
        responses=RESULT_RESPONSES,
        openapi_extra=RESULT_PARAMETERS,
    )
    async def result(request: Request) -> Response:
        """As soon as the file is done, in any format, whatever the job was made with."""
        jobs = offered(present(provider))
        job = await jobs.get(read_id(request.path_params["job_id"]), scope_of(request))
        form = _form(request, job)
        number = request.path_params["number"]
        is_number = number.isascii() and number.isdecimal() and len(number) < 10
        return await _answer(await jobs.result(job, int(number) if is_number else -1), form, job)

    @router.get(
        "/v1/jobs/{job_id}/results",
        summary="All results, as JSON lines",
        operation_id="get_results",
        response_class=Response,
        responses=RESULTS_RESPONSES,
        openapi_extra=RESULTS_PARAMETERS,
    )
    async def results(request: Request) -> Response:
        """One line for each file of an ended job, in order; those without a result have their error."""
        jobs = offered(present(provider))
        job = await jobs.get(read_id(request.path_params["job_id"]), scope_of(request))
        form = _form(request, job)
        if not job.state.is_ended:
            raise JobConflict(f"Job {job.id} is {job.state}; results of files that are done can be had one by one.")
        return StreamingResponse(_lines(jobs, job, form), media_type="application/x-ndjson")

    return router


def _form(request: Request, job: Job) -> Form:
    text = read_query(request, {"format": job.form.value})["format"]
    try:
        return Form(text)
    except ValueError as error:
        raise ClientError(f"format must be one of {', '.join(Form)}, not {text[:40]!r}.", field="format") from error


async def _answer(result: RecordingTranscript, form: Form, job: Job) -> Response:
    """One result."""
    rendered = await asyncio.to_thread(_rendered, result, form, job)
    return Response(rendered.body, media_type=rendered.media_type, headers=result_headers(result))


async def _lines(jobs: Jobs, job: Job, form: Form) -> AsyncIterator[bytes]:
    """All results of an ended job, a line of JSON each: the file, and its result as JSON or as text."""
    for file in job.files:
        result = await jobs.result(job, file.number) if file.state is FileState.DONE else None
        yield await asyncio.to_thread(_line, file, result, form, job)


def _line(file: JobFile, result: RecordingTranscript | None, form: Form, job: Job) -> bytes:
    fields: dict[str, Any] = {**file_fields(file), "instances": [], "result": None}
    if result is not None:
        fields["instances"] = list(result.instances)
        text = _rendered(result, form, job).body.decode()
        fields["result"] = json.loads(text) if form in (Form.JSON, Form.VERBOSE_JSON) else text
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"


def _rendered(result: RecordingTranscript, form: Form, job: Job) -> Rendered:
    """Everything that the result has is shown: its words where it has any, log-probabilities where asked for."""
    granularities = ("segment",) if result.words is None else ("segment", "word")
    return render(
        result,
        form,
        granularities=granularities,
        with_logprobs=form is Form.JSON and any(piece.logprobs is not None for piece in result.segments),
        temperature=job.temperature,
    )
