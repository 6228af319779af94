"""How long a server that refused is left alone."""

from __future__ import annotations

from harken.dispatch.lines.openai.refusal import Verdict
from harken.dispatch.lines.openai.standing import Standing


def test_retry_after_is_believed_and_never_shortened() -> None:
    """A later, shorter one does not take it back."""
    standing = Standing().after(Verdict(full_s=10.0), 0.0).after(Verdict(full_s=1.0), 1.0)
    assert standing.is_full(9.9)
    assert not standing.is_full(10.0)


def test_a_server_that_does_not_say_how_long_is_asked_less_and_less_often() -> None:
    """Half a second at first, half a minute at most; many refusals at once are one."""
    standing, now, waits = Standing(), 0.0, list[float]()
    for _ in range(9):
        for _ in range(3):
            standing = standing.after(Verdict(full_s=-1.0), now)
        waits.append(standing.full_until - now)
        now = standing.full_until
    assert waits[0] <= 1.0
    assert waits == sorted(waits)
    assert waits[-1] == 30.0


def test_a_success_ends_trouble_and_patience_but_not_what_was_announced() -> None:
    """The segment may have been accepted before the server was full."""
    standing = Standing(refusals=3, full_until=10.0, trouble="Mend me.", trouble_until=30.0).after_success()
    assert standing == Standing(full_until=10.0)


def test_trouble_lasts_half_a_minute_and_other_failures_change_nothing() -> None:
    """Then the server may be tried again."""
    standing = Standing().after(Verdict(trouble="It refuses our key."), 5.0)
    assert standing.trouble_at(34.9) == "It refuses our key."
    assert standing.trouble_at(35.0) == ""
    assert Standing().after(Verdict(), 5.0) == Standing()
