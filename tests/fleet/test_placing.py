"""Which instance goes on which device."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.errors import ConfigError
from harken.fleet.placing import deal, group_of, memory_shares, parse_devices, spread


@pytest.mark.parametrize(
    ("text", "gpus", "devices"),
    [
        ("", 2, ()),
        (" ", 2, ()),
        ("cuda:1", 0, ("cuda:1",)),
        ("cuda:1, cuda:0", 0, ("cuda:1", "cuda:0")),
        ("cuda", 1, ("cuda:0",)),
        ("cuda:0,cpu", 1, ("cuda:0", "cpu")),
        ("all", 3, ("cuda:0", "cuda:1", "cuda:2")),
    ],
)
def test_devices_are_named_or_counted(text: str, gpus: int, devices: tuple[str, ...]) -> None:
    """In the order in which they were written."""
    assert parse_devices(text, gpus) == devices


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("gpu:0", "Unknown device in fleet.devices: 'gpu:0'; did you mean 'cuda:0'"),
        ("cuda:0,", "Unknown device in fleet.devices: ''; known are: all"),
        ("cuda:-1", "'cuda:-1'"),
        ("cuda:01", "'cuda:01'"),
        ("CUDA:0", "'CUDA:0'; known are"),
        ("auto", "'auto'"),
        ("cuda:0,all", "'all' or a list"),
        ("cuda:0,cuda:0", "'cuda:0' twice"),
        ("cuda,cuda:0", "'cuda:0' twice"),
        ("all", "no GPU is visible"),
    ],
)
def test_a_device_that_cannot_be_is_an_error_that_names_it(text: str, complaint: str) -> None:
    """Nothing lands on a device that nobody meant."""
    with pytest.raises(ConfigError, match=complaint):
        parse_devices(text, 0)


@given(st.integers(1, 8), st.integers(1, 40))
def test_dealing_is_even_and_shares_fill_each_device_once(devices: int, instances: int) -> None:
    """No device has two instances more than another; together they have what one alone would have."""
    dealt = deal([f"cuda:{number}" for number in range(devices)], instances)
    counts = [dealt.count(f"cuda:{number}") for number in range(devices)]
    assert sum(counts) == instances
    assert max(counts) - min(counts) <= 1
    shares = memory_shares(0.9, dealt)
    for device in set(dealt):
        assert sum(share for share, on in zip(shares, dealt, strict=True) if on == device) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("device", "has_gpu", "group"),
    [
        ("auto", False, "cpu"),
        ("auto", True, "auto"),
        ("cpu", True, "cpu"),
        ("cuda", True, "cuda:0"),
        ("cuda:1", False, "cuda:1"),
        ("mps", True, "mps"),
    ],
)
def test_instances_of_one_device_are_one_group(device: str, has_gpu: bool, group: str) -> None:
    """Two names of the first GPU are one GPU."""
    assert group_of(device, has_gpu=has_gpu) == group


@pytest.mark.parametrize(
    ("free", "placed"),
    [
        ({}, ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]),
        ({"cuda:0": 80, "cuda:1": 80}, ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]),
        ({"cuda:0": 20, "cuda:1": 80}, ["cuda:1", "cuda:1", "cuda:1", "cuda:0"]),
        ({"cuda:0": 80, "cuda:1": 0}, ["cuda:0", "cuda:0", "cuda:0", "cuda:0"]),
        ({"cuda:0": 80}, ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]),
    ],
)
def test_instances_go_where_most_memory_is_free_for_each(free: dict[str, int], placed: list[str]) -> None:
    """Equal devices in turn; a device that somebody else fills gets fewer; unknown memory decides nothing."""
    assert list(spread(("cuda:0", "cuda:1"), 4, free)) == placed
