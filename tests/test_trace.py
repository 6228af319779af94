"""Rules of harken.trace: identities of spans."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.trace import Trace, continued, log_fields_of, new_trace, read_traceparent

HEADER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_header_is_read_and_written_alike() -> None:
    """The standard's own example."""
    trace = read_traceparent(HEADER)
    assert trace is not None
    assert trace.header == HEADER
    assert trace.is_sampled


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        HEADER + "x" * 300,
        HEADER + "-more",
    ],
)
def test_what_is_no_header_is_no_trace(header: str | None) -> None:
    """A caller's mistake is no error of the request's."""
    assert read_traceparent(header) is None


def test_a_later_version_is_read_as_far_as_this_one_goes() -> None:
    """The standard allows more behind it."""
    trace = read_traceparent("01" + HEADER[2:] + "-more")
    assert trace is not None
    assert trace.header == HEADER


@given(st.text(max_size=80))
def test_no_text_raises(header: str) -> None:
    """Whatever a client sends."""
    read_traceparent(header)


def test_a_child_is_the_same_for_the_same_name_and_another_for_another() -> None:
    """So both sides of the wire know it without telling each other."""
    root = new_trace()
    assert root.child("try 1") == root.child("try 1")
    assert root.child("try 1").span_id != root.child("try 2").span_id
    assert root.child("try 1").parent_id == root.span_id
    assert root.child("try 1").child("try 1").span_id != root.child("try 1").span_id


def test_a_line_of_the_log_has_the_number_of_what_is_traced() -> None:
    """As collectors write it."""
    assert log_fields_of(read_traceparent(HEADER)) == {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}
    assert log_fields_of(None) == {}


def test_we_continue_the_trace_of_whoever_calls() -> None:
    """His trace and his word on sampling, beneath his span, with a span of our own."""
    caller = Trace(trace_id=7, span_id=8, is_sampled=False)
    ours = continued(caller)
    assert (ours.trace_id, ours.parent_id, ours.is_sampled) == (7, 8, False)
    assert continued(caller).span_id != ours.span_id
    assert ours.header.endswith("-00")
