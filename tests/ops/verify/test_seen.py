"""What anything that answers may say of itself."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from harken.ops.verify.seen import read_health

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("name", "state", "url", "pid", "detail", "instances", "status")), inner)
    ),
    max_leaves=6,
)
GOOD = {"status": "healthy", "instance": "gateway", "model": "m"}


@given(JSON)
def test_any_json_is_a_health_or_none(found: object) -> None:
    """No kind of value is an error."""
    read_health(json.dumps(found).encode())
    read_health(json.dumps({**GOOD, "instances": found}).encode())
    read_health(json.dumps({**GOOD, "instances": [found]}).encode())


@given(st.binary(max_size=50))
def test_any_bytes_are_a_health_or_none(body: bytes) -> None:
    """Deep nesting included."""
    assert read_health(body) is None
    assert read_health(b"[" * 100_000 + body) is None


def test_a_harken_s_health_is_read() -> None:
    """Hidden addresses and processes are none."""
    lines: list[dict[str, object]] = [
        {"name": "asr-1", "state": "ready", "url": "http://127.0.0.1:1", "pid": 7, "detail": ""},
        {"name": "a,b c", "state": "broken", "url": "", "pid": None, "detail": "why"},
    ]
    seen = read_health(json.dumps({**GOOD, "instances": lines}).encode())
    assert seen is not None
    assert [(line.name, line.url, line.pid) for line in seen.lines] == [
        ("asr-1", "http://127.0.0.1:1", 7),
        ("a,b c", "", None),
    ]
    assert seen.lines[1].shown_name == "a?b?c"
    for pid in (0, -1, 1 << 31, True, "7", 1.5):
        assert read_health(json.dumps({**GOOD, "instances": [{**lines[0], "pid": pid}]}).encode()) is None
