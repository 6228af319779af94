"""multipart/form-data → text fields and one file, piece by piece as the body arrives.

python-multipart finds the boundaries; this module decides what may be in a form: at most one file, under the name the
route expects, and a bounded number of short text fields, each given once. It refuses at a part's head, before the part
is read. A body that stops before its last boundary is refused too: the file in it would be cut short.
"""

from __future__ import annotations

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from harken.api.spool import Spool
from harken.errors import ClientError, EmptyAudio, MissingAudio

FIELD_BYTES = 64 * 1024
"""The longest text field."""

FIELDS = 32
"""The most parts of a form."""


class FormParser:
    """Feed it a body; it fills `fields` and the spool.

    Attributes:
        fields: name → text. A name that ends in "[]" may be given several times; its last value is kept.
    """

    def __init__(self, boundary: bytes, file_field: str, spool: Spool) -> None:
        self.fields: dict[str, str] = {}
        self._file_field = file_field
        self._spool = spool
        self._parts = 0
        self._has_file = False
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
            ClientError: it stopped before its last boundary, or no file came, or an empty one.
        """
        if not self._is_whole:
            raise ClientError("The multipart body ends before its last boundary.")
        if not self._has_file:
            raise MissingAudio(
                f"No audio file was provided; send it in field {self._file_field!r}.", field=self._file_field
            )
        if self._spool.size == 0:
            raise EmptyAudio(field=self._file_field)

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
            self._begin_file(name)
        else:
            self._begin_text(name)

    def _begin_file(self, name: str) -> None:
        expected = self._file_field
        if self._has_file:
            raise ClientError(f"One file per request; another came in field {name[:80]!r}.", field=name[:80])
        if name != expected:
            raise MissingAudio(f"The file came in field {name[:80]!r}; here it must be {expected!r}.", field=expected)
        self._has_file = True
        self._name = None

    def _begin_text(self, name: str) -> None:
        if name == self._file_field:
            hint = f"send a file, for example with curl -F {name}=@recording.wav"
            raise MissingAudio(f"Field {name!r} holds text; {hint}.", field=name)
        if name in self.fields and not name.endswith("[]"):
            raise ClientError(f"Field {name[:80]!r} was given twice.", field=name[:80])
        self._name = name
        self._text.clear()

    def _read_data(self, data: bytes, start: int, end: int) -> None:
        if self._name is None:
            self._spool.append(memoryview(data)[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > FIELD_BYTES:
            name = self._name[:80]
            raise ClientError(f"Field {name!r} is longer than {FIELD_BYTES} bytes.", field=name)

    def _end_part(self) -> None:
        if self._name is not None:
            self.fields[self._name] = _utf8(bytes(self._text), f"Field {self._name[:80]!r}")

    def _end(self) -> None:
        self._is_whole = True


def _utf8(raw: bytes, what: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ClientError(f"{what} is not UTF-8.") from error
