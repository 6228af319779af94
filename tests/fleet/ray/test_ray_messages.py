"""What gateway and bridge write to each other comes back as it was, and nothing else is taken for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.fleet.ray.messages import Do, Kind, Node, Order, Told, as_line, parse_node, parse_order, parse_told


@given(st.sampled_from(Do), st.integers(), st.text(), st.dictionaries(st.text(), st.text()))
def test_orders_come_back(do: Do, number: int, name: str, variables: dict[str, str]) -> None:
    """On one line each, whatever is in them."""
    order = Order(do=do, number=number, name=name, variables=variables)
    assert "\n" not in as_line(order)
    assert parse_order(as_line(order)) == order


@given(st.sampled_from(Kind), st.integers(), st.text())
def test_what_is_told_comes_back(kind: Kind, number: int, text: str) -> None:
    """On one line each, whatever is in it."""
    told = Told(kind=kind, number=number, text=text)
    assert "\n" not in as_line(told)
    assert parse_told(as_line(told)) == told


def test_a_node_comes_back() -> None:
    """With its GPUs."""
    node = Node(address="10.0.0.7", node="ab", gpus=("0", "3"), version="1")
    assert parse_node(as_line(node)) == node


@pytest.mark.parametrize(
    "line", ["", "null", "[]", "{}", '{"kind": "told"}', '{"do": "place", "number": "x"}', "[[" * 9999]
)
def test_other_lines_are_no_messages(line: str) -> None:
    """Libraries print what they like."""
    assert parse_told(line) is None
    assert parse_order(line) is None
