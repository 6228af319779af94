"""The body of a request for a job: a form with files, or JSON with paths.

Bounded before and while it is read, like every body. The invariant: when `read_job_request` returns, every uploaded
file is on the disk.
"""

from __future__ import annotations

from starlette.requests import Request

from harken.api.job_form import FILE_FIELDS, ArrivingFiles, JobRequest, read_job_fields
from harken.api.json_body import is_json, read_json
from harken.api.service import Service
from harken.api.upload import read_files
from harken.api.values import values_of_json
from harken.errors import ClientError, MissingAudio
from harken.jobs import NewFile
from harken.jobs.jobs import Jobs
from harken.jobs.shelf import Arrival

_JSON_BYTES = 4 * 1024 * 1024


async def read_job_request(
    request: Request, service: Service, jobs: Jobs, arrival: Arrival
) -> tuple[JobRequest, tuple[NewFile, ...]]:
    """Read the body, whichever kind it is.

    Args:
        request: not read yet.
        service: accepts recordings.
        jobs: of that service.
        arrival: where files go.

    Raises:
        HarkenError: the client's, or the disk is full.
        ClientDisconnect: the client left in the middle.
    """
    await jobs.check_disk(int(request.headers.get("content-length", "0")))
    limits = jobs.config
    if is_json(request):
        arriving: list[str] = []
        fields = values_of_json(await read_json(request, _JSON_BYTES))
        if misplaced := next((name for name in fields if name.partition("[")[0] in FILE_FIELDS), ""):
            raise ClientError(
                "JSON holds no files: upload them in a form, or name files of the server in paths.", field=misplaced
            )
    else:
        sink = ArrivingFiles(arrival, files_max=limits.files_per_job, file_bytes=service.limits.upload_bytes)
        fields = await read_files(request, "file", sink, sink.settle, limits.upload_bytes)
        await sink.settle(is_last=True)
        arriving = sink.names
    wanted = read_job_fields(fields)
    uploaded = [NewFile(name=name, path=str(arrival.path(number))) for number, name in enumerate(arriving)]
    if len(uploaded) + len(wanted.paths) > limits.files_per_job:
        raise ClientError(f"A job may have {limits.files_per_job} files.", field="paths")
    named = [await jobs.named_file(path) for path in wanted.paths]
    if not uploaded and not named:
        raise MissingAudio("No audio file was provided; send one or more in field 'file'.", field="file")
    return wanted, (*uploaded, *named)
