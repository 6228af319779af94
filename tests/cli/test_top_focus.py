"""Rules of harken.cli.top_focus: what keys do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harken.cli.top_focus import Fleet, Focus, Step, press, still
from harken.cli.top_wish import Wish

FLEET = Fleet(names=("asr-1", "asr-2", "asr-3"), can_change=True)


def typed(keys: list[str], focus: Focus = Focus(), fleet: Fleet = FLEET) -> Step:  # noqa: B008 - frozen
    """Press one after another, and return the last step."""
    step = Step(focus=focus)
    for key in keys:
        assert step.wish is None, "only the last key may do something"
        step = press(step.focus, key, fleet)
    return step


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        (["down"], "asr-1"),
        (["up"], "asr-3"),
        (["j", "j", "k"], "asr-1"),
        (["down", "up", "up"], "asr-1"),
        (["page down", "page down"], "asr-3"),
        (["end"], "asr-3"),
        (["G", "home"], "asr-1"),
        (["down", "escape"], ""),
        (["x"], ""),
    ],
)
def test_arrows_choose_an_instance(keys: list[str], chosen: str) -> None:
    """And stay within the list."""
    assert typed(keys).focus.chosen == chosen


@pytest.mark.parametrize("key", ["down", "up", "page down", "home", "end"])
def test_where_there_is_no_instance_none_is_chosen(key: str) -> None:
    """Such as before the first document."""
    assert typed([key], fleet=Fleet()).focus.chosen == ""


def test_q_leaves() -> None:
    """Unless something is asked: then it is one of the keys that are not yes."""
    assert typed(["q"]).is_over
    assert not typed(["down", "d", "q"]).is_over


@pytest.mark.parametrize(("key", "kind"), [("d", "drain"), ("r", "restart")])
def test_an_instance_is_changed_after_a_yes_alone(key: str, kind: str) -> None:
    """The one that was asked about."""
    assert typed(["down", "down", key, "y"]).wish == Wish(kind=kind, name="asr-2")
    for other in ("n", "enter", "escape", "d", "r", "q", "down"):
        step = typed(["down", "down", key, other])
        assert step.wish is None
        assert step.focus.asked is None


def test_the_number_of_instances_is_typed() -> None:
    """Mistakes are mended; Enter does it."""
    assert typed(["s", "5", "enter"]).wish == Wish(kind="scale", count=5)
    assert typed(["s", "5", "1", "backspace", "enter"]).wish == Wish(kind="scale", count=5)


@pytest.mark.parametrize("keys", [["enter"], ["escape"], ["q"], ["5", "escape"], ["5", "y"]])
def test_a_number_that_is_not_entered_changes_nothing(keys: list[str]) -> None:
    """Any key that is neither a digit nor Enter takes it back."""
    step = typed(["s", *keys])
    assert step.wish is None
    assert step.focus.asked is None


@pytest.mark.parametrize(("number", "says"), [("0", "It is 1"), ("9999", "It is 1"), ("3", "That many")])
def test_a_number_that_cannot_be_is_asked_for_again(number: str, says: str) -> None:
    """With the reason."""
    step = typed(["s", *number, "enter"])
    assert step.wish is None
    assert step.focus.asked is not None
    assert step.focus.typed == ""
    assert step.focus.says.startswith(says)


@pytest.mark.parametrize(
    ("fleet", "says"),
    [
        (replace(FLEET, can_change=False), "This server has no instances of its own"),
        (replace(FLEET, running="Draining asr-1…"), "Draining asr-1… One change is made at a time."),
    ],
)
@pytest.mark.parametrize("key", ["s", "d", "r"])
def test_what_cannot_be_changed_now_is_not_asked_about(fleet: Fleet, says: str, key: str) -> None:
    """It says why."""
    focus = typed(["down", key], fleet=fleet).focus
    assert focus.asked is None
    assert focus.says.startswith(says)


@pytest.mark.parametrize("key", ["d", "r"])
def test_without_a_choice_it_says_how_to_choose(key: str) -> None:
    """Rather than to take the first."""
    assert typed([key]).focus.says.startswith("Choose an instance first")


def test_a_sentence_stays_until_a_key() -> None:
    """It may have come while nobody looked."""
    assert typed(["down"], Focus(says="asr-1 was restarted.")).focus.says == ""


def test_where_the_chosen_one_is_gone_its_neighbour_is_chosen() -> None:
    """The choice does not jump to the top."""
    focus = Focus(chosen="asr-2")
    assert still(focus, ["asr-1", "asr-2"], ["asr-1", "asr-2"]) == focus
    assert still(focus, ["asr-1", "asr-3"], ["asr-1", "asr-2", "asr-3"]).chosen == "asr-3"
    assert still(focus, ["asr-1"], ["asr-1", "asr-2"]).chosen == "asr-1"
    assert still(focus, [], ["asr-1", "asr-2"]).chosen == ""
