"""The playground in Chromium, against a real server that recognises digits."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import srt  # type: ignore[import-untyped]
import webvtt
from playwright.sync_api import Browser, Page, expect

from harken.samples import Sample, packaged_samples
from tests.web.conftest import FLAGS, Window
from tests.web.speaking import Speaking, speaking
from tests.web.watched import Watched, watching

pytestmark = pytest.mark.slow

SAMPLES = {sample.path.name: sample for sample in packaged_samples()}
ENGLISH = SAMPLES["english-08.mp3"]
CHINESE = SAMPLES["chinese-08.mp3"]

WATCH_WORDS = """
const lit = new Map();
new MutationObserver((changes) => {
  for (const { target } of changes)
    if (target.classList.contains("is-now")) lit.set(target.dataset.word, target.textContent);
  document.body.dataset.lit = [...lit.values()].join(" ");
}).observe(document.querySelector(".text"), { attributes: true, subtree: true });
"""
"""Keeps, in the page, which words were lit up, in their order."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Speaking]:
    """A server that needs a key, for all tests of this module."""
    with speaking(tmp_path_factory.mktemp("speaking")) as running:
        yield running


def opened(watched: Watched, server: Speaking) -> Page:
    """The playground, in a tab that has the key."""
    watched.page.add_init_script(f"sessionStorage.setItem('harken.key', {json.dumps(server.key)})")
    return watched.open(f"{server.url}/playground")


def choose(page: Page, sample: Sample) -> None:
    """Choose a recording, and wait until its text and times are there, and it can be played."""
    page.set_input_files("input[type=file]", sample.path)
    expect(page.locator(".phase.good")).to_be_visible()
    expect(page.locator(".play-button")).to_be_enabled()


def test_a_recording_that_is_chosen_becomes_text(window: Window, server: Speaking) -> None:
    """Nothing else is asked of a person; language and length of what was heard stand below the text."""
    page = opened(window(), server)
    choose(page, ENGLISH)
    expect(page.locator(".say-text")).to_have_text(ENGLISH.text)
    expect(page.locator(".phase")).to_contain_text("Done, 5 words")
    expect(page.locator(".facts")).to_contain_text("English")
    expect(page.locator(".facts")).to_contain_text("asr-1")


def test_a_recording_that_is_dropped_becomes_text(window: Window, server: Speaking) -> None:
    """Anywhere on the page; while it hovers the page says what will happen."""
    page = opened(window(), server)
    carry = page.evaluate_handle(
        """async ([name, bytes]) => {
          const carried = new DataTransfer();
          carried.items.add(new File([new Uint8Array(bytes)], name));
          return carried;
        }""",
        [ENGLISH.path.name, list(ENGLISH.path.read_bytes())],
    )
    page.dispatch_event("body", "dragover", {"dataTransfer": carry})
    expect(page.locator(".drop-target")).to_be_visible()
    page.dispatch_event("body", "drop", {"dataTransfer": carry})
    expect(page.locator(".drop-target")).to_have_count(0)
    expect(page.locator(".say-text")).to_have_text(ENGLISH.text)
    expect(page.locator(".file-name")).to_have_text(ENGLISH.path.name)


def test_each_word_lights_up_while_it_is_said(window: Window, server: Speaking) -> None:
    """Every word of the text, in its order, and none after the end."""
    page = opened(window(), server)
    choose(page, ENGLISH)
    expect(page.locator("[data-word]")).to_have_count(len(ENGLISH.text.split()))
    page.evaluate(WATCH_WORDS)
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.locator("body")).to_have_attribute("data-lit", ENGLISH.text)
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_a_click_on_a_word_goes_to_its_sound(window: Window, server: Speaking) -> None:
    """The player stands where the word begins, the word is lit, and its stretch is marked in the waveform."""
    page = opened(window(), server)
    choose(page, ENGLISH)
    page.locator("[data-word='3']").click()
    expect(page.locator(".word.is-now")).to_have_text("six")
    assert position(page) > 0.5
    page.get_by_role("button", name="Go to 0:00").click()
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuenow", re.compile(r"^0\.\d"))
    assert position(page) < 0.5


def test_a_keyboard_gets_everywhere_in_a_recording(window: Window, server: Speaking) -> None:
    """By seconds in the waveform, by words in the text; the space bar plays."""
    page = opened(window(), server)
    choose(page, ENGLISH)
    slider = page.get_by_role("slider")
    slider.press("ArrowRight")
    assert position(page) == pytest.approx(1.0, abs=0.05)
    slider.press("Home")
    assert position(page) == 0
    text = page.get_by_role("group", name=re.compile("^Transcript"))
    text.press("ArrowRight")
    expect(page.locator(".word.is-now")).to_have_attribute("data-word", "1")
    expect(page.locator("[role=status]").filter(has_text=re.compile("^two$"))).to_have_count(1)
    text.press("ArrowLeft")
    expect(page.locator(".word.is-now")).to_have_attribute("data-word", "0")
    slider.press(" ")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()


def position(page: Page) -> float:
    """Where the player stands, as it says itself."""
    return float(page.get_by_role("slider").get_attribute("aria-valuenow") or "nan")


def test_a_transcript_can_be_taken_along_in_four_forms(window: Window, server: Speaking) -> None:
    """Named as the recording; subtitles and times are the server's."""
    page = opened(window(), server)
    choose(page, ENGLISH)
    files = {form: downloaded(page, form) for form in ("TXT", "SRT", "VTT", "JSON")}
    assert files["TXT"] == f"{ENGLISH.text}\n"
    assert [cue.content for cue in srt.parse(files["SRT"])] == [ENGLISH.text]
    assert [cue.text for cue in webvtt.from_string(files["VTT"]).captions] == [ENGLISH.text]
    answer = json.loads(files["JSON"])
    assert [word["word"] for word in answer["words"]] == ENGLISH.text.split()


def downloaded(page: Page, form: str) -> str:
    """Click on a form's button; what the browser saved, under the recording's name."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=f"Download as {form}").click()
    assert waiting.value.suggested_filename == f"{ENGLISH.path.stem}.{form.lower()}"
    return waiting.value.path().read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("language", "command"),
    [
        ("curl", ["bash", "-c"]),
        ("Python", [sys.executable, "-c"]),
        ("JavaScript", ["node", "--input-type=module", "--eval"]),
    ],
)
def test_the_code_on_the_page_is_the_same_request(
    window: Window, server: Speaking, language: str, command: list[str]
) -> None:
    """Run as it stands beside the recording, with odd words in its options, it gives the text."""
    page = opened(window(), server)
    choose(page, ENGLISH)
    page.get_by_role("combobox", name="Language").select_option("English")
    page.get_by_label("Hot words").fill('it\'s; a "test"\n@file, $HOME `x` \\')
    page.get_by_label("Context").fill("<One>\nTwo; three 四")
    page.get_by_text(language, exact=True).click()
    for form in ("stream", "json", "verbose_json", "srt"):  # text and vtt differ from these by one word
        page.get_by_role("combobox", name="Answer").select_option(form)
        code = page.locator(".code pre").inner_text()
        assert server.key not in code
        env = {**os.environ, "HARKEN_API_KEY": server.key}
        folder = ENGLISH.path.parent
        ran = subprocess.run([*command, code], check=False, cwd=folder, env=env, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        if language == "curl" and form == "stream":
            assert '"transcript.text.done"' in ran.stdout
        assert ENGLISH.text in ran.stdout


def test_a_voice_becomes_text(browser: Browser, chromium: str, server: Speaking) -> None:
    """From the microphone; the recording can be played like a file."""
    spoken = SAMPLES["english-01.wav"]
    device = (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={spoken.path}%noloop",
    )
    with (
        browser.browser_type.launch(executable_path=chromium, args=[*FLAGS, *device]) as speaking_browser,
        watching(speaking_browser) as watched,
    ):
        page = opened(watched, server)
        page.get_by_role("button", name="Record").click()
        expect(page.get_by_role("timer")).to_have_text(re.compile(r"^0:0[3-9]"))
        page.get_by_role("button", name="Stop and transcribe").click()
        expect(page.locator(".phase.good")).to_be_visible()
        expect(page.locator(".say-text")).to_have_text(spoken.text)
        expect(page.locator(".file-name")).to_have_text(re.compile(r"^recording-.*\.webm$"))
        expect(page.locator(".file-facts")).to_have_text(re.compile(r"^0:0[3-9]"))
        page.get_by_role("slider").press("End")
        assert position(page) > 2


def test_who_refuses_the_microphone_reads_what_to_do(browser: Browser, chromium: str, server: Speaking) -> None:
    """The page is as before, with a sentence; there is a microphone, and nobody to allow it."""
    flags = [*FLAGS, "--use-fake-device-for-media-stream"]
    with (
        browser.browser_type.launch(executable_path=chromium, args=flags) as shy,
        watching(shy) as watched,
    ):
        page = opened(watched, server)
        page.get_by_role("button", name="Record").click()
        expect(page.get_by_role("alert")).to_contain_text("Allow it in the browser's settings")
        expect(page.get_by_role("button", name="Record")).to_be_enabled()


def test_a_page_without_the_key_asks_for_it_and_goes_on(window: Window, server: Speaking) -> None:
    """The recording that was chosen is transcribed as soon as the key is there; the key stays in this tab."""
    watched = window()
    page = watched.open(f"{server.url}/playground")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    page.set_input_files("input[type=file]", ENGLISH.path)
    expect(page.locator(".failure")).to_contain_text("invalid_api_key")
    dialog.get_by_label("Key", exact=True).fill(server.key)
    dialog.get_by_role("button", name="Use this key").click()
    expect(page.locator(".say-text")).to_have_text(ENGLISH.text)
    expect(page.get_by_role("combobox", name="Language")).to_contain_text("Chinese")
    assert page.evaluate("JSON.stringify(localStorage)").find(server.key) < 0
    watched.forgive("401")


def test_a_file_that_is_no_recording_fails_with_its_code(window: Window, server: Speaking) -> None:
    """The server's sentence, the stable code, and the name of the request in the log."""
    watched = window()
    page = opened(watched, server)
    page.set_input_files("input[type=file]", Path(__file__))
    failure = page.locator(".failure")
    expect(failure).to_contain_text("undecodable_audio")
    expect(failure).to_contain_text("400")
    expect(failure).to_contain_text("req_")
    assert watched.violations() == []
    watched.forgive("400")


def test_it_speaks_chinese(window: Window, server: Speaking) -> None:
    """For a browser that prefers it: the page, the names of languages, and the count by characters."""
    watched = window(locale="zh-CN", viewport={"width": 390, "height": 800})
    page = opened(watched, server)
    choose(page, CHINESE)
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.get_by_role("heading", level=1)).to_have_text("转写一段录音")
    expect(page.locator(".say-text")).to_have_text(CHINESE.text)
    expect(page.locator(".phase")).to_contain_text("5 个字符")
    expect(page.locator(".facts")).to_contain_text("中文")
    expect(page.locator("[data-word]")).to_have_count(len(CHINESE.text))
    assert watched.violations() == []
    assert not watched.is_wider_than_the_window()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out(window: Window, server: Speaking, scheme: str) -> None:
    """Axe finds nothing, before a recording and with its transcript, a word lit, in both themes."""
    watched = window(color_scheme=scheme)
    page = opened(watched, server)
    assert watched.violations() == []
    choose(page, ENGLISH)
    page.locator("[data-word='2']").click()
    page.get_by_text("Python", exact=True).click()
    assert watched.violations() == []
