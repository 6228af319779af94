"""The error tree: stable codes, honest statuses."""

from __future__ import annotations

from harken.errors import ClientError, HarkenError, Unavailable, leaves
from harken.languages import CODES, NAMES, parse_language


def _all(kind: type[HarkenError]) -> set[type[HarkenError]]:
    return {kind}.union(*(_all(child) for child in kind.__subclasses__()))


def test_every_code_names_one_status() -> None:
    """Two classes may share a code only when nothing a client sees differs."""
    for kind in _all(HarkenError):
        assert leaves()[kind.code].status == kind.status, kind


def test_statuses_tell_whose_fault_it_was() -> None:
    """4xx for the request, 5xx for the server; only the server's may be tried again by whoever asked."""
    for kind in _all(ClientError):
        # A kind without a code of its own never reaches a client as such: "not here" may be tried there.
        assert 400 <= kind.status < 500 and not (kind.retryable and "code" in vars(kind)), kind
    for kind in _all(Unavailable):
        assert kind.status in (503, 504, 507) and kind.retryable, kind


def test_a_language_is_found_by_name_or_code_in_any_case() -> None:
    """All thirty, `yue` and `fil` included."""
    assert len(NAMES) == 30
    for name, code in CODES.items():
        assert {parse_language(s) for s in (name, name.upper(), code, code.upper(), f" {name} ")} == {name}
    assert (parse_language("zh-CN"), parse_language("en_US"), parse_language("pt-BR")) == (
        "Chinese",
        "English",
        "Portuguese",
    )
    assert parse_language("auto") is None is parse_language("") is parse_language(None)
