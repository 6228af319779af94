"""`/v1/jobs`: recordings that are transcribed in the background.

Reads requests and writes answers; what a job is, and that it survives, is `harken.jobs`. The owner of a job is the key
that made it: with another key it does not exist; an admin's key, and anybody where no keys are in use, sees all. The
invariant: an accepted job's answer is sent only after the job, with all its audio, is on the disk.
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request, Response

from harken.api.fields import ask_of
from harken.api.job_body import read_job_request
from harken.api.job_form import JobRequest
from harken.api.job_query import idempotency_key, offered, owner_of, read_id, read_query, scope_of
from harken.api.job_results import results_routes
from harken.api.schema.jobs import (
    CANCEL_RESPONSES,
    CREATE_BODY,
    CREATE_RESPONSES,
    DELETE_RESPONSES,
    GET_PARAMETERS,
    GET_RESPONSES,
    JOB_PARAMETERS,
    LIST_PARAMETERS,
    LIST_RESPONSES,
)
from harken.api.service import Provider, accepting, present
from harken.api.urgency import refuse_urgency
from harken.errors import ClientError
from harken.jobs import Job, NewJob
from harken.jobs.addresses import check_url
from harken.jobs.describe import job_fields
from harken.jobs.jobs import Jobs

LIST_LIMIT = 20
LIST_LIMIT_MAX = 100


def jobs_routes(provider: Provider) -> APIRouter:
    """Return the routes over whatever service the provider has at the time."""
    router = APIRouter(tags=["jobs"])

    @router.post(
        "/v1/jobs",
        status_code=201,
        summary="Have recordings transcribed in the background",
        operation_id="create_job",
        response_class=Response,
        responses=CREATE_RESPONSES,
        openapi_extra=CREATE_BODY,
    )
    async def create(request: Request) -> Response:
        """Takes any number of files, or paths of the server where it allows them; survives crashes once answered."""
        service = accepting(provider)
        jobs = offered(service)
        read_query(request, {})
        refuse_urgency(request.headers)
        key, owner = idempotency_key(request), owner_of(request)
        job = await jobs.find(owner, key)
        if job is not None:
            return _job(jobs, job, status=200)
        async with jobs.arrival() as arrival:
            wanted, files = await read_job_request(request, service, jobs, arrival)
            ask = ask_of(wanted.options, info := await service.recognizer.model())
            new = NewJob(
                owner=owner,
                ask=ask,
                files=files,
                name=wanted.name,
                metadata=wanted.metadata,
                model=info.name,
                form=wanted.options.form,
                webhook=_webhook(jobs, wanted),
                idempotency_key=key,
            )
            job = await jobs.create(arrival, new)
            return _job(jobs, job, status=201 if job.id == arrival.job_id else 200)

    @router.get(
        "/v1/jobs",
        summary="List jobs, the newest first",
        operation_id="list_jobs",
        response_class=Response,
        responses=LIST_RESPONSES,
        openapi_extra=LIST_PARAMETERS,
    )
    async def list_jobs(request: Request) -> Response:
        """A page of them, without their files; `after` of the next page is the last id of this one."""
        jobs = offered(present(provider))
        query = read_query(request, {"limit": str(LIST_LIMIT), "after": ""})
        limit, after = query["limit"], query["after"]
        if not limit.isascii() or not limit.isdecimal() or not 1 <= int(limit[:9]) <= LIST_LIMIT_MAX:
            raise ClientError(f"limit must be a number from 1 to {LIST_LIMIT_MAX}.", field="limit")
        found = await jobs.list(scope_of(request), limit=int(limit) + 1, after=read_id(after) if after else "")
        page = found[: int(limit)]
        data = [job_fields(job, jobs.config.keep_s) for job in page]
        last = page[-1].id if page else None
        return _json({"object": "list", "data": data, "has_more": len(found) > len(page), "last_id": last})

    @router.get(
        "/v1/jobs/{job_id}",
        summary="Look at a job",
        operation_id="get_job",
        response_class=Response,
        responses=GET_RESPONSES,
        openapi_extra=GET_PARAMETERS,
    )
    async def get_job(request: Request) -> Response:
        """Its state, its counts, how far it is; a line for each file, unless `files=false`."""
        jobs = offered(present(provider))
        wants_files = read_query(request, {"files": "true"})["files"]
        if wants_files not in ("true", "false"):
            raise ClientError("files must be true or false.", field="files")
        job = await jobs.get(read_id(request.path_params["job_id"]), scope_of(request))
        return _job(jobs, job, with_files=wants_files == "true")

    @router.post(
        "/v1/jobs/{job_id}/cancel",
        summary="Cancel a job",
        operation_id="cancel_job",
        response_class=Response,
        responses=CANCEL_RESPONSES,
        openapi_extra=JOB_PARAMETERS,
    )
    async def cancel(request: Request) -> Response:
        """What is done stays done; the rest is not begun, or stopped. Cancelling twice is once."""
        jobs = offered(present(provider))
        read_query(request, {})
        return _job(jobs, await jobs.cancel(read_id(request.path_params["job_id"]), scope_of(request)))

    @router.delete(
        "/v1/jobs/{job_id}",
        summary="Forget an ended job",
        operation_id="delete_job",
        response_class=Response,
        responses=DELETE_RESPONSES,
        openapi_extra=JOB_PARAMETERS,
    )
    async def delete(request: Request) -> Response:
        """Its results go; its audio went when its files ended. A job that has not ended must be cancelled first."""
        jobs = offered(present(provider))
        read_query(request, {})
        job_id = read_id(request.path_params["job_id"])
        await jobs.delete(job_id, scope_of(request))
        return _json({"id": job_id, "object": "job", "deleted": True})

    router.include_router(results_routes(provider))
    return router


def _webhook(jobs: Jobs, wanted: JobRequest) -> str:
    return check_url(wanted.webhook, allows_private=jobs.config.allows_private_webhooks) if wanted.webhook else ""


def _job(jobs: Jobs, job: Job, *, status: int = 200, with_files: bool = True) -> Response:
    answer = _json(job_fields(job, jobs.config.keep_s, with_files=with_files), status)
    if status == 201:
        answer.headers["Location"] = f"/v1/jobs/{job.id}"
    return answer


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(body, ensure_ascii=False).encode(), status_code=status, media_type="application/json")
