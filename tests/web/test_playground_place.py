"""Where words stand in their text, and which is spoken at a time: playground_place.js, which is pure, run by Node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import harken

MODULE = Path(harken.__file__).parent / "api" / "static" / "ui" / "playground_place.js"


def run(expression: str, *values: Any) -> Any:
    """What an expression gives behind the module's code; `values` are its constant of that name."""
    code = f"{MODULE.read_text(encoding='utf-8')}\nconst values = {json.dumps(values)};\n"
    code += f"process.stdout.write(JSON.stringify({expression}));\n"
    ran = subprocess.run(["node", "--input-type=module"], input=code, capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)


CASES = [
    ("Don't stop!", ["Don't", "stop"], ["Don't", "stop"]),
    ("e.g. now", ["eg", "now"], ["e.g", "now"]),
    ("你好，世界。", ["你", "好", "世", "界"], ["你", "好", "世", "界"]),
    ("𠮷野家 is 𠮷", ["𠮷", "野", "家", "is", "𠮷"], ["𠮷", "野", "家", "is", "𠮷"]),
    ("one two three", ["one", "three"], ["one"]),
    ("one two three four", ["one", "three", "four"], ["one", "three", "four"]),
    ("one two. One three.", ["one", "One", "two", "One", "three"], ["one", "two", "One", "three"]),
    ("one", ["", "!", "two"], []),
    ("", ["one"], []),
]


@pytest.mark.slow
def test_words_are_found_in_their_text() -> None:
    """With the marks inside of them; one that the text does not have is left out, and the next ones stay in place."""
    asked = [[text, [{"word": word, "start": n, "end": n} for n, word in enumerate(words)]] for text, words, _ in CASES]
    place = "placeWords(text, words).map(({ from, to }) => text.slice(from, to))"
    assert run(f"values[0].map(([text, words]) => {place})", asked) == [found for _, _, found in CASES]


@pytest.mark.slow
def test_paragraphs_end_at_pauses_and_before_they_are_long() -> None:
    """Together they are the text, each with its times."""
    segments = [
        {"start": 0.0, "end": 2.0, "text": "One."},
        {"start": 2.5, "end": 4.0, "text": " Two."},
        {"start": 6.0, "end": 40.0, "text": " After a pause."},
        {"start": 40.1, "end": 41.0, "text": " After a long one."},
    ]
    assert run("paragraphs(values[0])", segments) == [
        {"start": 0.0, "end": 4.0, "from": 0, "to": 9},
        {"start": 6.0, "end": 40.0, "from": 9, "to": 24},
        {"start": 40.1, "end": 41.0, "from": 24, "to": 42},
    ]


@pytest.mark.slow
def test_the_word_that_has_begun_last_is_spoken() -> None:
    """Before the first there is none; of several that begin at once it is the last."""
    ranges = [{"start": start} for start in (1.0, 2.0, 2.0, 3.0)]
    times = [0.0, 1.0, 1.9, 2.0, 9.0]
    assert run("values[1].map((time) => spokenAt(values[0], time))", ranges, times) == [-1, 0, 0, 2, 3]
