"""How upstreams and weights are written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harken.dispatch.lines.upstream import Upstream
from harken.errors import ConfigError
from harken.fleet.upstreams import OPTIONS, parse_upstreams, parse_weights


@pytest.mark.parametrize(
    "url", ["http://gpu-2:8000", "http://gpu-2:8000/", "http://gpu-2:8000/v1", "http://gpu-2:8000/v1/"]
)
def test_an_address_may_end_in_v1_as_openais_clients_write_it(url: str) -> None:
    """It is the same server."""
    assert parse_upstreams(url, {}) == (Upstream(name="upstream-1", url="http://gpu-2:8000"),)


def test_the_fragment_says_the_rest() -> None:
    """Everything that can be known beforehand."""
    text = "https://x.example/openai/v1#name=far&weight=2.5&slots=4&model=a%2Fb&revision=7&key_env=K&serial&words"
    (upstream,) = parse_upstreams(text, {"K": " secret\n"})
    assert upstream == Upstream(
        name="far",
        url="https://x.example/openai",
        weight=2.5,
        slots=4,
        model="a/b",
        revision="7",
        key="secret",
        key_env="K",
        batches=False,
        has_words=True,
    )
    assert "secret" not in repr(upstream)


def test_several_are_separated_by_spaces_and_numbered() -> None:
    """In any number; none is fine too."""
    found = parse_upstreams("  http://a:1   http://[::1]:2#serial=false\nhttp://c#words=true ", {})
    assert [(each.name, each.url, each.batches) for each in found] == [
        ("upstream-1", "http://a:1", True),
        ("upstream-2", "http://[::1]:2", True),
        ("upstream-3", "http://c", True),
    ]
    assert parse_upstreams("", {}) == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("gpu-2:8000", "http or https"),
        ("ftp://gpu-2", "http or https"),
        ("http://", "http or https"),
        ("http://a:99999", "cannot be read"),
        ("http://a:0", "http or https"),
        ("http://a..b", "cannot be read"),
        (f"http://{'a' * 64}.example", "cannot be read"),
        ("http://bob:pw@a", "key_env"),
        ("http://a?x=1", "behind a '#'"),
        ("http://a#slot=3", "did you mean 'slots'"),
        ("http://a#zzz=3", "known are: name"),
        ("http://a#slots=3&slots=4", "twice"),
        ("http://a#slots=0", "whole number from 1"),
        ("http://a#slots=many", "whole number from 1"),
        (f"http://a#slots={'9' * 5000}", "whole number from 1"),
        ("http://a#weight=-1", "above 0"),
        ("http://a#weight=nan", "above 0"),
        ("http://a#name=", "no value"),
        ("http://a#name=asr-1", "cannot be called"),
        ("http://a#name=a,b", "cannot be called"),
        ("http://a#serial=perhaps", "true or false"),
        ("http://a#key_env=MISSING", "MISSING, which is not set"),
        ("http://a#key_env=BAD", "no header may have"),
        ("http://a http://a/v1", "given twice"),
        ("http://a HTTP://A:80/", "given twice"),
        ("https://[::1] https://[::1]:443", "given twice"),
        ("http://a#name=x http://b#name=x", "Two upstreams are called 'x'"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_secret_with_it(text: str, complaint: str) -> None:
    """Before anything is started."""
    with pytest.raises(ConfigError, match=complaint) as caught:
        parse_upstreams(text, {"BAD": "a\x00b"})
    assert "pw" not in caught.value.message


def test_every_option_is_documented_and_nothing_else_is() -> None:
    """In the table of docs/reference/upstreams.md."""
    page = (Path(__file__).parents[2] / "docs/reference/upstreams.md").read_text(encoding="utf-8")
    table = page.split("| option | meaning | default |")[1].split("\n\n")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == OPTIONS


def test_weights_are_as_many_as_instances() -> None:
    """In their order; none at all means equal ones."""
    assert parse_weights("3, 3,2,2.5", 4) == (3.0, 3.0, 2.0, 2.5)
    assert parse_weights(" ", 3) == (1.0, 1.0, 1.0)
    assert parse_weights("", 0) == ()


@pytest.mark.parametrize(("text", "complaint"), [("3,2", "2 weights for 3"), ("1,,1", "above 0"), ("1,0,1", "above 0")])
def test_weights_that_make_no_sense_are_an_error(text: str, complaint: str) -> None:
    """Never guessed."""
    with pytest.raises(ConfigError, match=complaint):
        parse_weights(text, 3)
