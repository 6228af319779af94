"""The text fields of a form as a multimap: which names exist, and how the many spellings of lists and objects read.

Pure, and the same for forms and for JSON bodies (`values_of_json`). Clients write a list as `name[]` once per item
(OpenAI's SDKs), as `name` several times, as a JSON list, or as one line with commas; an object as JSON or as
`name[key]`. Knows nothing of what the fields mean. The invariant: a name that a route does not have, or a second value
of a field that has one, is an error and never dropped. A field whose value is empty counts as not given.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from enum import Enum

from harken.errors import ClientError, UnsupportedOption

_SPELLING = re.compile(r"([^\[\]]+)(?:\[([^\[\]]*)\])?")
_SEPARATORS = re.compile(r"[,\n\r]+")
_LINES = re.compile(r"[\n\r]+")


class Kind(Enum):
    """How many values a field has."""

    ONE = "one"
    LIST = "list"
    OBJECT = "object"


class Values:
    """What `read_values` understood; every name is one of the route's."""

    def __init__(self, given: Mapping[str, Sequence[tuple[str | None, str]]], spelled: Mapping[str, str]) -> None:
        self._given = given
        self._spelled = spelled

    def has(self, name: str) -> bool:
        """Say whether the field was given."""
        return name in self._given

    def one(self, name: str) -> str:
        """The field's value; "" where it was not given."""
        return self._given.get(name, [(None, "")])[0][1]

    def several(self, name: str) -> tuple[str, ...]:
        """The field's items in order, without the empty ones and without white space around them.

        What came as `name[]` is one item as it is (but for line breaks), because an SDK has split the list already;
        what came as `name` may be a JSON list, or items between commas or on lines.
        """
        items = [item for key, text in self._given.get(name, ()) for item in _items(key, text, self.spelled(name))]
        return tuple(item for item in (item.strip() for item in items) if item)

    def nested(self, name: str) -> dict[str, str]:
        """The members that came as `name[key]`."""
        return {key: text for key, text in self._given.get(name, ()) if key}

    def spelled(self, name: str) -> str:
        """The name as the client wrote it, for messages and for `param`."""
        return self._spelled.get(name, name)


def read_values(given: Mapping[str, Sequence[str]], kinds: Mapping[str, Kind], *, also: Sequence[str] = ()) -> Values:
    """Sort what a client sent by the fields that a route has.

    Args:
        given: name as the client spelled it → its values, in order.
        kinds: the route's text fields.
        also: names of its other fields, for messages.

    Raises:
        UnsupportedOption: a field that the route does not have; the message has the nearest that it has.
        ClientError: a second value for a field of one.
    """
    found: dict[str, list[tuple[str | None, str]]] = {}
    spelled: dict[str, str] = {}
    for spelling, all_texts in given.items():
        name, key = _name_of(spelling, kinds, also)
        texts = [text for text in all_texts if text.strip()]
        if not texts:
            continue
        spelled.setdefault(name, spelling)
        values = found.setdefault(name, [])
        values.extend((key, text) for text in texts)
        if kinds[name] is not Kind.LIST and len({key for key, _ in values}) < len(values):
            raise ClientError(f"Field {spelling[:80]!r} was given twice.", field=spelling[:80])
    return Values(found, spelled)


def values_of_json(body: Mapping[str, object]) -> dict[str, list[str]]:
    """Write a JSON object as the form that means the same; null counts as not given.

    Raises:
        ClientError: lists of lists or objects deeper than one level: no field is like that.
    """
    values: dict[str, list[str]] = {}
    for name, value in body.items():
        match value:
            case None:
                continue
            case dict():
                values |= {f"{name}[{key}]": [_text(name, member)] for key, member in value.items()}
            case list():
                values[f"{name}[]"] = [_text(name, item) for item in value]
            case _:
                values[name] = [_text(name, value)]
    return values


def unknown_field(spelling: str, known: Sequence[str]) -> UnsupportedOption:
    """The error for a field that a route does not have; it names the one that was probably meant."""
    shown = spelling[:80]
    near = difflib.get_close_matches(shown, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return UnsupportedOption(f"Field {shown!r} is not known{hint} Known fields are {', '.join(known)}.", field=shown)


def _name_of(spelling: str, kinds: Mapping[str, Kind], also: Sequence[str]) -> tuple[str, str | None]:
    """The field and what stands in its brackets; None where it has none."""
    match = _SPELLING.fullmatch(spelling)
    name, key = match.groups() if match else (spelling, None)
    kind = kinds.get(name)
    if kind is Kind.LIST and (not key or key.isdecimal()):
        return name, key
    if kind is not None and (key is None or (kind is Kind.OBJECT and key)):
        return name, key
    raise unknown_field(spelling, [*also, *kinds])


def _items(key: str | None, text: str, spelling: str) -> list[str]:
    if key is not None:
        return _LINES.split(text)
    if not text.lstrip().startswith("["):
        return _SEPARATORS.split(text)
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnsupportedOption(f"{spelling[:80]} begins like a JSON list and is none.", field=spelling[:80]) from error
    return [_text(spelling, item) for item in items]


def _text(name: str, value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case _:
            raise ClientError(f"A value of {name[:80]!r} is neither text nor a number nor true or false.", field=name)
