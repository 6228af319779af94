"""The playground before servers that answer slowly, oddly or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.routing import Mount

import harken
from harken.samples import packaged_samples
from tests.web.conftest import FLAGS, Window
from tests.web.scripted_speech import MODEL, Speech, delta, done, refusal
from tests.web.serving import serving
from tests.web.watched import watching

pytestmark = pytest.mark.slow

RECORDING = packaged_samples()[0].path
TIMED: dict[str, Any] = {
    "text": "Don't stop! Go on, e.g. now.",
    "segments": [
        {"start": 0.2, "end": 0.8, "text": "Don't stop!"},
        {"start": 1.0, "end": 2.0, "text": " Go on, e.g. now."},
    ],
    "words": [
        {"word": word, "start": 0.2 + n * 0.3, "end": 0.4 + n * 0.3}
        for n, word in enumerate(["Don't", "stop", "Go", "on", "eg", "now"])
    ],
}


@pytest.fixture
def speech() -> Speech:
    """A script that a test changes."""
    return Speech(stream=[delta("Don't stop!"), done(TIMED["text"])], timed=(200, TIMED))


@pytest.fixture
def server(speech: Speech) -> Iterator[str]:
    """The server that plays it."""
    with serving(speech.app()) as address:
        yield address


def transcribed(page: Page) -> None:
    """Choose a recording; what comes of it, the script says."""
    page.set_input_files("input[type=file]", RECORDING)


def test_the_text_is_there_while_it_is_recognised(window: Window, server: str, speech: Speech) -> None:
    """Each part as it comes, with how far the server says it is."""
    speech.stream, speech.waits = [delta("one "), delta("two"), ": 1.0 of 2.0 s"], True
    page = window().open(f"{server}/playground")
    transcribed(page)
    expect(page.locator(".text")).to_have_text("one two")
    expect(page.locator(".phase")).to_contain_text("Recognising, 0:01 of 0:02")
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "50")


def test_who_cancels_keeps_what_came_and_frees_the_server(window: Window, server: str, speech: Speech) -> None:
    """The connection ends at once, which is how the server learns it."""
    speech.stream, speech.waits = [delta("one two")], True
    page = window().open(f"{server}/playground")
    transcribed(page)
    expect(page.locator(".text")).to_have_text("one two")
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.locator(".phase")).to_contain_text("Cancelled")
    expect(page.locator(".text")).to_have_text("one two")
    assert speech.left.wait(10)


def test_another_recording_takes_the_place_of_a_running_one(window: Window, server: str, speech: Speech) -> None:
    """Nothing of the first is mixed into the second."""
    speech.stream, speech.waits = [delta("first")], True
    page = window().open(f"{server}/playground")
    transcribed(page)
    expect(page.locator(".text")).to_have_text("first")
    speech.stream, speech.waits, speech.timed = [delta("sec"), done("second")], False, (200, timed_as("second"))
    page.set_input_files("input[type=file]", packaged_samples()[1].path)
    expect(page.locator(".phase.good")).to_be_visible()
    expect(page.locator(".say-text")).to_have_text("second")


def timed_as(text: str) -> dict[str, Any]:
    """An answer of one sentence without words."""
    return {"text": text, "segments": [{"start": 0.0, "end": 1.0, "text": text}]}


def test_marks_between_words_stay_in_the_text(window: Window, server: str) -> None:
    """The aligner's words have none, the text has, and each is found in the other."""
    page = window().open(f"{server}/playground")
    transcribed(page)
    expect(page.locator("[data-word]")).to_have_text(["Don't", "stop", "Go", "on", "e.g", "now"])
    assert page.locator(".say-text").inner_text() == TIMED["text"]


def test_text_is_never_taken_for_markup(window: Window, server: str, speech: Speech) -> None:
    """Whatever a model or an error says, it is shown as it is."""
    text = "<img src=x onerror=alert(1)> & <b>one</b>"
    speech.stream, speech.timed = [delta(text), done(text)], (200, timed_as(text))
    page = window().open(f"{server}/playground")
    transcribed(page)
    expect(page.locator(".phase.good")).to_be_visible()
    assert page.locator(".say-text").inner_text() == text
    assert page.locator("main img, main b").count() == 0


def test_a_refusal_says_when_to_come_back(window: Window, server: str, speech: Speech) -> None:
    """The sentence, the code, and the seconds of Retry-After; then one button tries again."""
    speech.refusal = refusal(503, "queue_full", "As much audio waits already as may wait.", Retry_After="7")
    watched = window()
    page = watched.open(f"{server}/playground")
    transcribed(page)
    failure = page.locator(".failure")
    expect(failure).to_contain_text("As much audio waits already as may wait.")
    expect(failure).to_contain_text("queue_full")
    expect(failure).to_contain_text("in 7 seconds")
    speech.refusal = None
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".phase.good")).to_be_visible()
    watched.forgive("503")


def test_an_answer_that_is_not_harkens_is_not_shown_as_its_own(window: Window, server: str, speech: Speech) -> None:
    """A proxy's page is named by its status, and nothing of it is shown."""
    speech.refusal = (502, {"Content-Type": "text/html"}, "<h1>Bad gateway of somebody</h1>")
    watched = window()
    page = watched.open(f"{server}/playground")
    transcribed(page)
    expect(page.locator(".failure")).to_contain_text("502")
    expect(page.locator(".failure")).not_to_contain_text("somebody")
    watched.forgive("502")


def test_a_proxys_page_is_no_transcript(window: Window, server: str, speech: Speech) -> None:
    """Such as the one for signing in, which comes with 200: neither an empty text nor a page that hangs."""
    speech.refusal = (200, {"Content-Type": "text/html"}, "<h1>Sign in</h1>")
    page = window().open(f"{server}/playground")
    transcribed(page)
    expect(page.locator(".failure")).to_contain_text("http_200")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ('data: {"type": "error", "error": {"code": "instance_failed", "message": "The instance died."}}', "died"),
        (": 1.0 of 2.0 s", "before the text was complete"),
        ("data: {", "before the text was complete"),
    ],
)
def test_a_stream_that_breaks_is_a_failure(window: Window, server: str, speech: Speech, last: str, said: str) -> None:
    """With an event, without one, or in the middle of one: half a text is never called done."""
    speech.stream = [delta("half of"), last]
    page = window().open(f"{server}/playground")
    transcribed(page)
    expect(page.locator(".failure")).to_contain_text(said)
    expect(page.locator(".text")).to_have_text("half of")


def test_a_text_without_times_is_whole(window: Window, server: str, speech: Speech) -> None:
    """The second request may fail; then a note says why, and the text stays."""
    speech.timed = (429, {"error": {"message": "Too many requests.", "code": "rate_limit_exceeded"}})
    watched = window()
    page = watched.open(f"{server}/playground")
    transcribed(page)
    expect(page.locator(".note.warn")).to_contain_text("Too many requests.")
    expect(page.locator(".say-text")).to_have_text(TIMED["text"])
    expect(page.locator(".phase.good")).to_be_visible()
    watched.forgive("429")


def test_what_could_not_be_recognised_is_said_beside_the_text(window: Window, server: str, speech: Speech) -> None:
    """Each warning with its stretch of the recording."""
    warning = {"code": "loop_unresolved", "message": "It repeats itself here.", "start": 61.0, "end": 75.5}
    speech.timed = (200, {**TIMED, "warnings": [warning]})
    page = window().open(f"{server}/playground")
    transcribed(page)
    expect(page.locator(".note.warn")).to_have_text("1:01 to 1:15 It repeats itself here.")


def test_silence_is_no_failure(window: Window, server: str, speech: Speech) -> None:
    """Where nobody speaks, the page says so."""
    speech.stream, speech.timed = [done("", language="", languages=[])], (200, {"text": "", "segments": []})
    page = window().open(f"{server}/playground")
    transcribed(page)
    expect(page.get_by_text("Nobody speaks in this recording.")).to_be_visible()
    expect(page.locator(".phase.good")).to_be_visible()


def test_a_form_says_what_was_chosen(window: Window, server: str, speech: Speech) -> None:
    """The stream first, then the times, of words only where the aligner knows the language; or no second request."""
    page = window().open(f"{server}/playground")
    page.get_by_role("combobox", name="Language").select_option("Thai")
    page.get_by_label("Hot words").fill("Harken, ,Qwen3-ASR\n")
    transcribed(page)
    expect(page.locator(".phase.good")).to_be_visible()
    asked = [("model", MODEL["id"]), ("language", "Thai"), ("keywords[]", "Harken"), ("keywords[]", "Qwen3-ASR")]
    assert speech.forms == [
        [*asked, ("response_format", "json"), ("stream", "true")],
        [*asked, ("response_format", "verbose_json")],
    ]
    page.get_by_role("checkbox").uncheck()
    page.get_by_role("button", name="Transcribe again").click()
    expect(page.locator(".phase.good")).to_be_visible()
    assert len(speech.forms) == 3


def test_a_server_that_starts_is_asked_until_it_knows_its_model(window: Window, server: str, speech: Speech) -> None:
    """Until then the page says why there is nothing to choose."""
    speech.model = None
    watched = window()
    page = watched.open(f"{server}/playground")
    expect(page.locator(".model")).to_contain_text("No instance has said yet")
    speech.model = dict(MODEL)
    expect(page.locator(".model")).to_contain_text("harken/scripted")
    watched.forgive("503")


def test_a_server_that_is_gone_is_named(window: Window, speech: Speech) -> None:
    """Not as a text that is empty."""
    watched = window()
    with serving(speech.app()) as address:
        page = watched.open(f"{address}/playground")
        expect(page.locator(".model")).to_contain_text("harken/scripted")
    transcribed(page)
    expect(page.locator(".failure")).to_contain_text("cannot be reached")
    watched.forgive("ERR_CONNECTION_REFUSED")


def test_it_works_behind_a_prefix(window: Window, speech: Speech) -> None:
    """All addresses are relative, also those in the code."""
    with serving(Starlette(routes=[Mount("/speech", speech.app())])) as address:
        page = window().open(f"{address}/speech/playground")
        transcribed(page)
        expect(page.locator(".phase.good")).to_be_visible()
        expect(page.locator(".code pre")).to_contain_text(f"{address}/speech/v1/audio/transcriptions")


def test_plain_http_has_no_microphone_and_says_why(browser: Browser, chromium: str, server: str) -> None:
    """Browsers give it to https and localhost only; a file is transcribed all the same."""
    flags = [*FLAGS, "--host-resolver-rules=MAP harken.test 127.0.0.1"]
    with (
        browser.browser_type.launch(executable_path=chromium, args=flags) as plain,
        watching(plain) as watched,
    ):
        page = watched.open(f"{server.replace('127.0.0.1', 'harken.test')}/playground")
        expect(page.get_by_text("this page came over plain http")).to_be_visible()
        for name in ("Record", "Speak"):
            assert page.get_by_role("button", name=name).get_attribute("aria-disabled") == "true"
            assert page.get_by_role("button", name=name).get_attribute("aria-describedby") == "no-record"
        transcribed(page)
        expect(page.locator(".phase.good")).to_be_visible()
        assert watched.violations() == []


def test_both_languages_have_the_same_words(window: Window, server: str) -> None:
    """A sentence that is missing would show its key; one that nothing says is not kept."""
    page = window().open(f"{server}/playground")
    script = next(
        address for address in page.evaluate("[...document.scripts].map(({src}) => src)") if "playground.js" in address
    )
    books = page.evaluate(
        "async (address) => (await import(address)).allWords()", script.replace("playground.js", "words.js")
    )
    english, chinese = books["en"], books["zh-CN"]
    assert set(english) == set(chinese)
    folder = Path(harken.__file__).parent / "api" / "static" / "ui"
    code = "".join(
        path.read_text(encoding="utf-8") for path in folder.glob("playground*.js") if path.stem != "playground_words"
    )
    named = set(re.findall(r"[\"`](play\.[a-z_.]+)[\"`]", code))
    families = tuple(re.findall(r"`(play\.[a-z.]+\.)\$\{", code))
    assert named <= set(english)
    unused = {key for key in english if key.startswith("play.") and key not in named and not key.startswith(families)}
    assert not unused


@pytest.mark.parametrize(
    ("locale", "sentence"), [("en-GB", "No API key has such characters"), ("zh-CN", "API 密钥中不会有这样的字符")]
)
def test_a_key_that_no_header_carries_is_asked_for_again(
    window: Window, server: str, speech: Speech, locale: str, sentence: str
) -> None:
    """With the reason; the recording is sent as soon as there is another one."""
    watched = window(locale=locale)
    watched.page.add_init_script("sessionStorage.setItem('harken.key', 'hk_密钥')")
    page = watched.open(f"{server}/playground")
    alert = page.locator("dialog[open] [role=alert]")
    expect(alert).to_contain_text(sentence)
    page.keyboard.press("Escape")
    transcribed(page)
    expect(page.locator(".failure")).to_contain_text(sentence)
    expect(page.locator(".failure")).to_contain_text("bad_key")
    assert speech.forms == []
    page.locator("dialog[open] input").fill("hk_right")
    page.locator("dialog[open] .main").click()
    expect(page.locator(".say-text")).to_have_text(TIMED["text"])


def test_a_failure_is_told_in_chinese(window: Window, server: str, speech: Speech) -> None:
    """Before the answer began and in the middle of it; the server's details stand behind."""
    watched = window(locale="zh-CN")
    page = watched.open(f"{server}/playground")
    speech.refusal = refusal(400, "undecodable_audio", "The file is not audio that can be decoded.")
    transcribed(page)
    told = "文件不是音频，或已损坏（The file is not audio that can be decoded.）"
    expect(page.locator(".failure p").first).to_have_text(told)
    speech.refusal = None
    speech.stream = [delta("one "), 'data: {"type": "error", "error": {"code": "timed_out", "message": "Too long."}}']
    transcribed(page)
    expect(page.locator(".failure p").first).to_have_text("等待或运行超过允许的时间（Too long.）")
    watched.forgive("400")
