"""What a request for a job holds: its fields, and its files on their way to the disk.

The fields of a transcription mean what they mean there (`fields`); a job has four of its own. Files go to the disk
while they arrive, so that a body of gigabytes costs a megabyte of memory. Knows nothing of what a job is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harken.api.fields import KINDS, TranscriptionRequest, read_fields
from harken.api.values import Kind, Values, read_values
from harken.errors import ClientError, MissingAudio, UploadTooLarge
from harken.jobs.shelf import Arrival
from harken.transcribe.form import Form

FILE_FIELDS = ("file", "files")
"""With or without "[]", each any number of times."""

JOB_KINDS: dict[str, Kind] = {
    "name": Kind.ONE,
    "metadata": Kind.OBJECT,
    "webhook": Kind.ONE,
    "paths": Kind.LIST,
}

OPTION_KINDS: dict[str, Kind] = {name: kind for name, kind in KINDS.items() if name != "stream"}

NAME_CHARACTERS = 255
METADATA_MEMBERS = 16
METADATA_CHARACTERS = 512

_BUFFER_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRequest:
    """The fields of a request for a job, understood.

    Attributes:
        options: what to do with each file.
        name: what the client calls the job.
        metadata: the client's own words.
        webhook: where the end is to be told, not checked yet; "" for nowhere.
        paths: files of the server that it names.
    """

    options: TranscriptionRequest
    name: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    webhook: str = ""
    paths: tuple[str, ...] = ()


def read_job_fields(given: Mapping[str, Sequence[str]]) -> JobRequest:
    """Understand the text fields of a request for a job.

    Raises:
        UnsupportedOption: a field that does not exist, or a value that cannot be honoured.
        ClientError: a second value for a field of one; metadata that is too much, or no object of texts.
    """
    own = {name: texts for name, texts in given.items() if _base(name) in JOB_KINDS}
    options = {name: texts for name, texts in given.items() if _base(name) not in JOB_KINDS}
    has_times = any(_base(name) == "timestamp_granularities" for name in options)
    if has_times and not any("".join(texts) for name, texts in options.items() if name == "response_format"):
        # The format of a job's results is chosen when they are fetched; times say which one is meant.
        options["response_format"] = [Form.VERBOSE_JSON]
    values = read_values(own, JOB_KINDS)
    return JobRequest(
        options=read_fields(options, OPTION_KINDS, also=(*FILE_FIELDS, *JOB_KINDS)),
        name=_name(values),
        metadata=_metadata(values),
        webhook=values.one("webhook").strip(),
        paths=values.several("paths"),
    )


def shown_name(name: str) -> str:
    """A file's name as it is kept: in one line, without what no database and no terminal likes."""
    return "".join(character if character.isprintable() else "\ufffd" for character in name)[:NAME_CHARACTERS]


def _name(values: Values) -> str:
    name = values.one("name")
    # Joiners are invisible and belong to words and emoji all the same.
    if len(name) > NAME_CHARACTERS or not name.translate({0x200C: None, 0x200D: None}).isprintable():
        raise ClientError(
            f"name must be a line of at most {NAME_CHARACTERS} characters that can be shown.", field="name"
        )
    return name


def _base(name: str) -> str:
    return name.partition("[")[0]


def _metadata(values: Values) -> dict[str, str]:
    found: dict[str, object] = dict(values.nested("metadata"))
    if text := values.one("metadata") if not found else "":
        try:
            read = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ClientError("metadata must be a JSON object.", field="metadata") from error
        if not isinstance(read, dict):
            raise ClientError("metadata must be a JSON object.", field="metadata")
        found = read
    if len(found) > METADATA_MEMBERS:
        raise ClientError(f"metadata may have {METADATA_MEMBERS} members.", field="metadata")
    for key, value in found.items():
        if not isinstance(value, str) or len(key) + len(value) > METADATA_CHARACTERS:
            message = f"metadata must hold texts of at most {METADATA_CHARACTERS} characters, names included."
            raise ClientError(message, field="metadata")
    return {key: str(value) for key, value in found.items()}


class ArrivingFiles:
    """The files of a form, on their way to an `Arrival`. Implements `harken.api.multipart.Files`.

    Args:
        arrival: where they go.
        files_max: how many there may be.
        file_bytes: how large each may be.

    Attributes:
        names: what the client calls them, in order.
    """

    def __init__(self, arrival: Arrival, *, files_max: int, file_bytes: int) -> None:
        self.names: list[str] = []
        self._arrival = arrival
        self._files_max = files_max
        self._file_bytes = file_bytes
        self._size = 0
        self._steps: list[_Step] = []
        self._waiting_bytes = 0

    def begin(self, field: str, filename: str) -> None:
        """Take one more file."""
        if field.removesuffix("[]") not in FILE_FIELDS:
            raise MissingAudio(f"A file came in field {field[:80]!r}; here it must be 'file'.", field="file")
        if len(self.names) >= self._files_max:
            raise ClientError(f"A job may have {self._files_max} files.", field=field)
        self.names.append(shown_name(filename) or f"file {len(self.names)}")
        self._size = 0
        self._steps.append(_Step(begins=True))

    def append(self, piece: memoryview) -> None:
        """Take its next bytes."""
        self._size += len(piece)
        if self._size > self._file_bytes:
            name = self.names[-1]
            raise UploadTooLarge(f"{name!r} is too large; a file may have {self._file_bytes} bytes.", field="file")
        self._steps.append(_Step(data=bytes(piece)))
        self._waiting_bytes += len(piece)

    def end(self) -> None:
        """It is whole."""
        self._steps.append(_Step(ends=True))

    def check_text(self, field: str) -> None:
        """The files' own fields must hold files."""
        if field.removesuffix("[]") in FILE_FIELDS:
            hint = f"send files, for example with curl -F {field}=@recording.wav"
            raise MissingAudio(f"Field {field!r} holds text; {hint}.", field=field)

    def finish(self) -> None:
        """There may be none: then the job has paths."""

    async def settle(self, *, is_last: bool = False) -> None:
        """Let what has come go to the disk, once it is much.

        Raises:
            StorageFull: the disk has no room.
        """
        if self._waiting_bytes >= _BUFFER_BYTES or (is_last and self._steps):
            steps, self._steps, self._waiting_bytes = self._steps, [], 0
            await asyncio.to_thread(_write, self._arrival, steps)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    begins: bool = False
    data: bytes = b""
    ends: bool = False


def _write(arrival: Arrival, steps: Sequence[_Step]) -> None:
    for step in steps:
        if step.begins:
            arrival.begin_file()
        if step.data:
            arrival.write(step.data)
        if step.ends:
            arrival.end_file()
