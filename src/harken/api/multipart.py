"""multipart/form-data → text fields and files, piece by piece as the body arrives.

python-multipart finds the boundaries; this module bounds the text fields, and asks the route's `Files` what files may
be in a form. Whether a field may come twice is for whoever reads the fields. It refuses at a part's head, before the
part is read. A body that stops before its last boundary is refused too: the file in it would be cut short.
"""

from __future__ import annotations

from typing import Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from harken.api.spool import Spool
from harken.errors import ClientError, EmptyAudio, MissingAudio

FIELD_BYTES = 64 * 1024
"""The longest text field."""

TEXT_BYTES = 1024 * 1024
"""All text fields together."""

FIELDS = 1100
"""The most parts of a form: SDKs send each hot word as a part of its own."""


class Files(Protocol):
    """Takes the files of a form; its methods are called while the body is read and must not block."""

    def begin(self, field: str, filename: str) -> None:
        """A file begins; raise the client's error if it is not wanted."""
        ...

    def append(self, piece: memoryview) -> None:
        """Take its next bytes; they must be copied."""
        ...

    def end(self) -> None:
        """It is whole."""
        ...

    def check_text(self, field: str) -> None:
        """A text field begins; raise the client's error if there should be a file."""
        ...

    def finish(self) -> None:
        """The form is whole; raise the client's error if a file is missing."""
        ...


class OneFile:
    """One file, in one field, into a spool."""

    def __init__(self, field: str, spool: Spool) -> None:
        self._field = field
        self._spool = spool
        self._is_there = False

    def begin(self, field: str, filename: str) -> None:
        """Take the first file, from the expected field."""
        if self._is_there:
            raise ClientError(f"One file per request; another came in field {field[:80]!r}.", field=field[:80])
        if field != self._field:
            raise MissingAudio(
                f"The file came in field {field[:80]!r}; here it must be {self._field!r}.", field=self._field
            )
        self._is_there = True

    def append(self, piece: memoryview) -> None:
        """Put bytes into the spool."""
        self._spool.append(piece)

    def end(self) -> None:
        """Nothing is left to do."""

    def check_text(self, field: str) -> None:
        """The file's own field must hold a file."""
        if field == self._field:
            hint = f"send a file, for example with curl -F {field}=@recording.wav"
            raise MissingAudio(f"Field {field!r} holds text; {hint}.", field=field)

    def finish(self) -> None:
        """A file must have come, with something in it."""
        if not self._is_there:
            raise MissingAudio(f"No audio file was provided; send it in field {self._field!r}.", field=self._field)
        if self._spool.size == 0:
            raise EmptyAudio(field=self._field)


class FormParser:
    """Feed it a body; it fills `fields` and hands files on.

    Attributes:
        fields: name as it was written → its texts, in order.
    """

    def __init__(self, boundary: bytes, files: Files) -> None:
        self.fields: dict[str, list[str]] = {}
        self._files = files
        self._parts = 0
        self._text_bytes = 0
        self._is_whole = False
        self._name: str | None = None
        self._text = bytearray()
        self._header, self._value, self._disposition = bytearray(), bytearray(), b""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._read_header,
                "on_header_value": self._read_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._read_data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    def feed(self, data: bytes) -> None:
        """Read the next bytes of the body.

        Raises:
            ClientError: they are no multipart, or a part is not wanted.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise ClientError("The body is not valid multipart/form-data.") from error

    def finish(self) -> None:
        """Say that the body is over.

        Raises:
            ClientError: it stopped before its last boundary, or a file is missing.
        """
        if not self._is_whole:
            raise ClientError("The multipart body ends before its last boundary.")
        self._files.finish()

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > FIELDS:
            raise ClientError(f"The form has more than {FIELDS} fields.")
        self._disposition = b""

    def _read_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _read_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise ClientError("A part of the form has no name.")
        name = _utf8(options[b"name"], "A field's name")
        # Some clients write a non-ASCII file name as `filename*=` only.
        if b"filename" in options or b"filename*=" in self._disposition:
            self._files.begin(name, _file_name(options))
            self._name = None
        else:
            self._begin_text(name)

    def _begin_text(self, name: str) -> None:
        self._files.check_text(name)
        self._name = name
        self._text.clear()

    def _read_data(self, data: bytes, start: int, end: int) -> None:
        if self._name is None:
            self._files.append(memoryview(data)[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > FIELD_BYTES:
            name = self._name[:80]
            raise ClientError(f"Field {name!r} is longer than {FIELD_BYTES} bytes.", field=name)
        self._text_bytes += end - start
        if self._text_bytes > TEXT_BYTES:
            raise ClientError(f"The text fields have more than {TEXT_BYTES} bytes together.")

    def _end_part(self) -> None:
        if self._name is None:
            self._files.end()
            return
        text = _utf8(bytes(self._text), f"Field {self._name[:80]!r}", field=self._name[:80])
        self.fields.setdefault(self._name, []).append(text)

    def _end(self) -> None:
        self._is_whole = True


def _utf8(raw: bytes, what: str, *, field: str | None = None) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ClientError(f"{what} is not UTF-8.", field=field) from error


def _file_name(options: dict[bytes, bytes]) -> str:
    """What the client calls a file; for people, so that odd bytes are no reason to refuse it."""
    return options.get(b"filename", b"").decode(errors="replace")
