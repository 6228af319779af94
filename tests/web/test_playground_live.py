"""Somebody speaks on the playground: a real browser with a played microphone, a real server that recognises digits."""

from __future__ import annotations

import json
import re
import time
import wave
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from harken.samples import Sample, packaged_samples
from tests.web.conftest import FLAGS
from tests.web.cutting import cutting
from tests.web.scripted_speech import Speech
from tests.web.serving import serving
from tests.web.speaking import PATIENCE_S, Speaking, speaking
from tests.web.watched import Watched, watching

pytestmark = pytest.mark.slow

SAMPLES = {sample.path.name: sample for sample in packaged_samples()}
ENGLISH = SAMPLES["english-01.wav"]
CHINESE = SAMPLES["chinese-01.wav"]
PHONE = {"width": 390, "height": 800}
ROOM = 4
"""Sessions that may be open: those of this module's tests, whose windows are closed in the middle of it."""

WATCH_MICROPHONE = """
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wish) => (window.microphone = await open(wish));
"""
BROKEN = ("net::ERR_", "Connection closed before")
"""How Chromium complains of a connection that was cut: with a reset, or without a word."""

SECOND = 96_000
"""Bytes of a second of sound, as most sound cards give it: 48 kHz."""

MICROPHONE = "microphone.getTracks().map(({readyState}) => readyState).join()"
"""Whether it is on, its light that is: "live" or "ended"."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Speaking]:
    """A server that needs a key, for all tests of this module."""
    with speaking(tmp_path_factory.mktemp("speaking"), "--set", f"live.sessions={ROOM}") as running:
        yield running


@contextmanager
def microphone(browser: Browser, chromium: str, *spoken: Sample, **context: Any) -> Iterator[Watched]:
    """A window of a browser into whose microphone recordings are spoken, once."""
    with NamedTemporaryFile(suffix=".wav") as file:
        _with_pauses(spoken, file.name)
        with _speaking_into(browser, chromium, file.name, context) as watched:
            yield watched


def until_there_is_room(server: Speaking) -> None:
    """Who has just hung up may be counted for a moment; a handshake would be let in once 426 is the answer."""
    deadline = time.monotonic() + PATIENCE_S
    with httpx.Client(headers={"X-API-Key": server.key}, trust_env=False) as client:
        while client.get(f"{server.url}/v1/listen").status_code != HTTPStatus.UPGRADE_REQUIRED:
            assert time.monotonic() < deadline, "they are still counted"


def _with_pauses(spoken: Sequence[Sample], path: str) -> None:
    """A browser begins to play before the page listens, and repeats what it has when it has come to the end."""
    with wave.open(path, "wb") as padded:
        for number, sample in enumerate(spoken):
            with wave.open(str(sample.path)) as recording:
                if not number:
                    padded.setparams(recording.getparams())
                silence = bytes(recording.getframerate() * recording.getsampwidth() * recording.getnchannels())
                padded.writeframes(silence + recording.readframes(recording.getnframes()) + 2 * silence)


@contextmanager
def _speaking_into(browser: Browser, chromium: str, path: str, context: dict[str, Any]) -> Iterator[Watched]:
    device = (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={path}%noloop",
    )
    with ExitStack() as stack:
        launched = browser.browser_type.launch(executable_path=chromium, args=[*FLAGS, *device])
        stack.callback(launched.close)
        yield stack.enter_context(watching(launched, **context))


def opened(watched: Watched, url: str, key: str) -> Page:
    """The playground, in a tab that has the key."""
    watched.page.add_init_script(f"sessionStorage.setItem('harken.key', {json.dumps(key)})")
    watched.page.add_init_script(WATCH_MICROPHONE)
    return watched.open(f"{url}/playground")


def test_text_appears_while_somebody_speaks(browser: Browser, chromium: str, server: Speaking) -> None:
    """Grey first, then final, and in the end it is the text of the recording."""
    with microphone(browser, chromium, ENGLISH) as watched:
        page = opened(watched, server.url, server.key)
        page.get_by_role("button", name="Speak").click()
        expect(page.get_by_role("button", name="Finish")).to_be_focused()
        expect(page.locator(".tentative")).to_be_visible()
        expect(page.locator(".recording-head")).to_have_text("Listening")
        expect(page.locator(".live-text .say-text")).to_have_text(ENGLISH.text)
        expect(page.locator(".tentative")).to_have_count(0)
        assert watched.violations() == []
        page.keyboard.press("Enter")
        expect(page.locator(".phase.good")).to_have_text("Done")
        expect(page.get_by_role("heading", name="Transcript", exact=True)).to_be_focused()
        assert page.evaluate(MICROPHONE) == "ended"
        expect(page.locator(".live-text .say-text")).to_have_text(ENGLISH.text)
        expect(page.locator("main p.hidden-text[role=status]")).to_have_text(ENGLISH.text)
        expect(page.locator(".facts")).to_contain_text("English")
        expect(page.get_by_role("button", name="Copy the text")).to_be_visible()
        assert watched.violations() == []
        with page.expect_download() as download:
            page.get_by_role("button", name="Download as TXT").click()
        assert Path(download.value.path()).read_text() == f"{ENGLISH.text}\n"


def test_a_connection_that_breaks_is_resumed_without_losing_a_word(
    browser: Browser, chromium: str, server: Speaking
) -> None:
    """In the middle of a word; for a while there is no server at all, and he speaks on."""
    with cutting(server.url) as proxy, microphone(browser, chromium, ENGLISH) as watched:
        page = opened(watched, proxy.url, server.key)
        page.get_by_role("button", name="Speak").click()
        expect(page.locator(".tentative")).to_be_visible()
        proxy.is_shut = True
        assert proxy.cut()
        expect(page.locator(".recording-head")).to_contain_text("The connection broke")
        expect(page.get_by_role("timer")).to_have_text(re.compile(r"^0:0[3-9]"))
        proxy.is_shut = False
        expect(page.locator(".recording-head")).to_have_text("Listening")
        expect(page.locator(".live-text .say-text")).to_have_text(ENGLISH.text)
        page.get_by_role("button", name="Finish").click()
        expect(page.locator(".phase.good")).to_have_text("Done")
        expect(page.locator(".live-text .say")).to_have_count(1)
        expect(page.locator(".live-text .say-text")).to_have_text(ENGLISH.text)
        watched.forgive(*BROKEN)


def test_the_last_words_are_told_though_the_connection_breaks_while_it_ends(
    browser: Browser, chromium: str, server: Speaking
) -> None:
    """What was on its way, and that it was all."""
    with cutting(server.url) as proxy, microphone(browser, chromium, ENGLISH) as watched:
        page = opened(watched, proxy.url, server.key)
        page.get_by_role("button", name="Speak").click()
        expect(page.get_by_role("timer")).to_have_text(re.compile(r"^0:0[2-9]"))
        proxy.is_shut = True
        proxy.cut()
        expect(page.locator(".recording-head")).to_contain_text("The connection broke")
        expect(page.get_by_role("timer")).to_have_text(re.compile(r"^0:0[4-9]"))
        page.get_by_role("button", name="Finish").click()
        expect(page.locator(".recording-head")).to_have_text("Finishing")
        proxy.is_shut = False
        expect(page.locator(".phase.good")).to_have_text("Done")
        expect(page.locator(".live-text .say-text")).to_have_text(ENGLISH.text)
        watched.forgive(*BROKEN)


TIMED_OUT = """
AbortSignal.timeout = (wait) => {
  const end = new AbortController();
  setTimeout(() => end.abort(new DOMException("Too long.", "TimeoutError")), wait);
  return end.signal;
};
"""
"""By the clock of the page, which a test can put forward."""


def test_a_connection_that_is_dead_without_a_word_is_made_again(
    browser: Browser, chromium: str, server: Speaking
) -> None:
    """While he speaks, where the way is gone for a while, and while it ends; a line without speech is not dead."""
    with cutting(server.url) as proxy, microphone(browser, chromium, ENGLISH) as watched:
        addresses: list[str] = []
        watched.page.on("websocket", lambda socket: addresses.append(socket.url))
        watched.page.clock.install()
        page = opened(watched, proxy.url, server.key)
        page.evaluate(TIMED_OUT)
        page.get_by_role("button", name="Speak").click()
        expect(page.locator(".tentative")).to_be_visible()
        proxy.is_deaf = True
        proxy.swallow()
        with page.expect_event("websocket"):
            page.clock.run_for(15_000)
        expect(page.locator(".recording-head")).to_contain_text("The connection broke")
        with page.expect_request("**/v1/listen?*"):
            page.clock.run_for(10_000)
        proxy.is_deaf = False
        page.clock.run_for(10_000)
        expect(page.locator(".live-text .say-text")).to_have_text(ENGLISH.text)
        expect(page.locator(".tentative")).to_have_count(0)
        for _ in range(20):
            page.clock.run_for(1_000)
            page.wait_for_timeout(20)
        expect(page.locator(".recording-head")).to_have_text("Listening")
        assert len(addresses) == 3
        proxy.swallow()
        page.get_by_role("button", name="Finish").click()
        expect(page.locator(".recording-head")).to_have_text("Finishing")
        page.clock.run_for(15_000)
        expect(page.locator(".phase.good")).to_have_text("Done")
        expect(page.locator(".live-text .say-text")).to_have_text(ENGLISH.text)
        watched.forgive("before the connection is established")


def test_who_cannot_be_let_in_reads_when_to_come_back(browser: Browser, chromium: str, server: Speaking) -> None:
    """A browser hides the refusal of a WebSocket; the page finds out, in its own language. Then there is room again."""
    address = f"{server.url.replace('http', 'ws', 1)}/v1/listen"
    with ExitStack() as others, microphone(browser, chromium, CHINESE, locale="zh-CN", viewport=PHONE) as watched:
        headers = {"X-API-Key": server.key}
        with suppress(InvalidStatus):
            while True:
                others.enter_context(connect(address, additional_headers=headers, proxy=None))
        page = opened(watched, server.url, server.key)
        page.get_by_role("button", name="直接说话").click()
        failure = page.locator(".failure")
        expect(failure).to_contain_text("live_full")
        expect(failure).to_contain_text("同时说话的人数已达上限")
        expect(failure).to_contain_text("请在 10 秒后重试")
        assert watched.violations() == []
        assert not watched.is_wider_than_the_window()
        watched.forgive("503")
        others.close()
        until_there_is_room(server)
        page.get_by_role("button", name="直接说话").click()
        expect(page.locator(".live-text .say-text")).to_have_text(CHINESE.text)
        expect(failure).to_have_count(0)
        assert watched.violations() == []
        assert not watched.is_wider_than_the_window()
        page.get_by_role("button", name="结束").click()
        expect(page.locator(".facts")).to_contain_text("中文")


def test_options_are_those_of_the_form(browser: Browser, chromium: str, server: Speaking) -> None:
    """The language that was chosen, hot words and context."""
    with microphone(browser, chromium, ENGLISH) as watched:
        addresses: list[str] = []
        watched.page.on("websocket", lambda socket: addresses.append(socket.url))
        page = opened(watched, server.url, server.key)
        page.get_by_role("combobox", name="Language").select_option("English")
        page.get_by_role("button", name="Speak").click()
        expect(page.locator(".recording-head")).to_have_text("Listening")
        assert page.evaluate(MICROPHONE) == "live"
        page.get_by_role("button", name="Discard").click()
        expect(page.get_by_role("button", name="Speak")).to_be_visible()
        assert page.evaluate(f"new Promise((done) => setTimeout(() => done({MICROPHONE}), 600))") == "ended"
        (address,) = addresses
        query = dict(parse_qsl(urlsplit(address).query))
        assert int(query.pop("sample_rate")) >= 44_100, "the sound card's own"
        assert query == {"encoding": "pcm16", "language": "English"}
        assert server.key not in address


def test_a_key_is_asked_for_and_then_it_listens(browser: Browser, chromium: str, server: Speaking) -> None:
    """Without pressing anything again."""
    with microphone(browser, chromium, ENGLISH) as watched:
        page = watched.open(f"{server.url}/playground")
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Speak").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("A key is made with: harken keys add NAME")
        expect(dialog).not_to_contain_text("admin")
        dialog.get_by_label("Key", exact=True).fill(server.key)
        dialog.get_by_role("button", name="Use this key").click()
        expect(page.locator(".recording-head")).to_have_text("Listening")
        page.get_by_role("button", name="Finish").click()
        expect(page.locator(".phase.good")).to_have_text("Done")
        watched.forgive("401")
        watched.forgive("HTTP Authentication failed")


def test_a_server_that_was_killed_and_started_again_hears_what_had_no_text(
    browser: Browser, chromium: str, tmp_path: Path
) -> None:
    """It knows nothing of the session: another one goes on behind the last turn, and no word is shown twice."""
    with ExitStack() as stack:
        first = stack.enter_context(speaking(tmp_path))
        proxy = stack.enter_context(cutting(first.url))
        watched = stack.enter_context(microphone(browser, chromium, ENGLISH, CHINESE))
        page = opened(watched, proxy.url, first.key)
        page.get_by_role("button", name="Speak").click()
        says = page.locator(".live-text .say-text")
        expect(says.first).to_have_text(ENGLISH.text)
        expect(page.locator(".tentative")).to_be_visible()
        expect(says).to_have_count(2)
        proxy.is_shut = True
        first.process.kill()
        expect(page.locator(".recording-head")).to_contain_text("what is said meanwhile is kept")
        proxy.server = stack.enter_context(speaking(tmp_path, key=first.key)).url
        proxy.is_shut = False
        expect(page.locator(".recording-head")).to_have_text("Listening")
        expect(says).to_have_text([ENGLISH.text, CHINESE.text])
        expect(page.locator(".tentative")).to_have_count(0)
        page.get_by_role("button", name="Finish").click()
        expect(page.locator(".phase.good")).to_have_text("Done")
        expect(says).to_have_text([ENGLISH.text, CHINESE.text])
        expect(page.locator(".say-time")).to_have_text(["0:00", re.compile("0:0[345]")])
        expect(page.locator(".fact", has_text="Turns")).to_contain_text("2")
        expect(page.locator(".note")).to_have_count(0)
        watched.errors.clear()


def test_what_was_said_until_the_microphone_was_unplugged_is_told(
    browser: Browser, chromium: str, server: Speaking
) -> None:
    """By a sound card of a rate that the server does not take, too: it is asked for another one."""
    with microphone(browser, chromium, ENGLISH) as watched:
        addresses: list[str] = []
        watched.page.on("websocket", lambda socket: addresses.append(socket.url))
        watched.page.add_init_script(
            "const Own = AudioContext;"
            "window.AudioContext = class extends Own { constructor(wish) { super({sampleRate: 96000, ...wish}); } };"
        )
        page = opened(watched, server.url, server.key)
        page.get_by_role("button", name="Speak").click()
        expect(page.locator(".live-text .say-text")).to_have_text(ENGLISH.text)
        page.evaluate("microphone.getTracks()[0].dispatchEvent(new Event('ended'))")
        expect(page.locator(".phase.good")).to_have_text("Done")
        expect(page.locator(".live-text .say-text")).to_have_text(ENGLISH.text)
        assert "sample_rate=48000" in addresses[0]
        assert page.evaluate(MICROPHONE) == "ended"


def test_a_recording_takes_the_place_of_who_speaks(browser: Browser, chromium: str, server: Speaking) -> None:
    """And the other way round: one panel, one text."""
    with microphone(browser, chromium, ENGLISH) as watched:
        page = opened(watched, server.url, server.key)
        page.get_by_role("button", name="Speak").click()
        expect(page.locator(".tentative")).to_be_visible()
        page.set_input_files("input[type=file]", CHINESE.path)
        expect(page.locator(".phase.good")).to_be_visible()
        expect(page.locator(".say-text")).to_have_text(CHINESE.text)
        page.get_by_role("button", name="Speak").click()
        expect(page.locator(".recording-head")).to_have_text("Listening")
        expect(page.locator(".file-name")).to_have_count(0)
        expect(page.get_by_text(CHINESE.text)).to_have_count(0)


@contextmanager
def scripted(browser: Browser, chromium: str, speech: Speech, **context: Any) -> Iterator[Watched]:
    """A window in which somebody has pressed *Speak*, over a server that says what a test wants."""
    with serving(speech.app()) as url, microphone(browser, chromium, ENGLISH, **context) as watched:
        page = watched.open(f"{url}/playground")
        expect(page.locator(".model")).to_contain_text("harken/scripted")
        page.get_by_role("button", name="Speak").click()
        yield watched
        watched.page.goto("about:blank")  # its socket ends before its server does


def test_a_proxy_that_passes_no_websockets_is_named(browser: Browser, chromium: str) -> None:
    """The server would let it in, and yet there is no connection."""
    with scripted(browser, chromium, Speech()) as watched:
        expect(watched.page.locator(".failure")).to_contain_text("no_websocket")
        expect(watched.page.locator(".failure")).to_contain_text("A proxy in between")
        watched.errors.clear()


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [("en-GB", "Hot words and context are too long to speak with."), ("zh-CN", "热词和上下文太长，不能用于直接说话")],
)
def test_hot_words_that_no_handshake_can_carry_are_named(
    browser: Browser, chromium: str, locale: str, sentence: str
) -> None:
    """The server speaks of a line of a handshake, which nobody has typed."""
    speech = Speech(listen=(431, "head_too_large", "No line of a WebSocket handshake may have more than 8000 bytes."))
    with serving(speech.app()) as url, microphone(browser, chromium, ENGLISH, locale=locale) as watched:
        page = watched.open(f"{url}/playground")
        page.locator("textarea").last.fill("中文" * 450)
        page.locator(".empty-buttons button").nth(2).click()
        expect(page.locator(".failure")).to_contain_text(sentence)
        expect(page.locator(".failure")).to_contain_text("head_too_large")
        expect(page.locator(".failure")).not_to_contain_text("handshake")
        watched.errors.clear()


def test_whatever_a_session_tells_is_shown_as_text(browser: Browser, chromium: str) -> None:
    """Markup, a turn that failed, words of tomorrow; each turn at its place, however they come."""
    told = [
        {"type": "speech_started", "turn": 1, "at_s": 61.2},
        {"type": "text", "turn": 1, "delta": "<b>one</b>", "tentative": " <img src=x>"},
        {"type": "text", "turn": 2, "delta": "", "tentative": "lost"},
        {"type": "failed", "turn": 2, "code": "unsupported_option", "message": "The prompt is <i>too</i> long."},
        {"type": "a word of tomorrow", "turn": 3},
        {"type": "text", "turn": 1, "delta": " two", "tentative": ""},
        {
            "type": "completed",
            "turn": 1,
            "text": "<b>one</b> two",
            "language": "English",
            "start_s": 61.2,
            "end_s": 62.0,
        },
    ]
    speech = Speech(told=told, close_code=1000)
    with scripted(browser, chromium, speech) as watched:
        page = watched.page
        says = page.locator(".live-text .say")
        failed = "0:00 This turn has no final text: The prompt is <i>too</i> long. unsupported_option"
        expect(says).to_have_text(["1:01<b>one</b> two", failed])
        page.get_by_role("button", name="Switch to 中文").click()
        expect(says.last).to_contain_text("不支持的字段或取值（The prompt is <i>too</i> long.） unsupported_option")
        page.get_by_role("button", name="切换到 English").click()
        page.get_by_role("button", name="Finish").click()
        expect(page.locator(".phase.good")).to_have_text("Done")
        assert speech.heard[-1] == '{"type":"finish"}'
        assert sum(size for size in speech.heard if isinstance(size, int)) > 1000
        assert watched.violations() == []


@pytest.mark.parametrize(
    ("code", "locale", "sentence"),
    [
        ("rate_limit_exceeded", "en-GB", "This key has used up its minute."),
        ("session_idle", "zh-CN", "实时会话长时间没有声音"),
    ],
)
def test_why_a_session_ended_is_said(browser: Browser, chromium: str, code: str, locale: str, sentence: str) -> None:
    """In the page's language, with seconds where there are any; what was said stays, and how long it was."""
    told = [
        {"type": "text", "turn": 1, "delta": "one", "tentative": " two"},
        {"type": "error", "code": code, "message": "This key has used up its minute.", "retry_after_s": 5},
    ]
    with ExitStack() as stack:
        speech = Speech(told=told, close_code=1008, close_behind=SECOND)
        url = stack.enter_context(serving(speech.app()))
        watched = stack.enter_context(microphone(browser, chromium, ENGLISH, locale=locale))
        page = watched.open(f"{url}/playground")
        page.locator(".empty-buttons button").nth(2).click()
        expect(page.locator(".failure")).to_contain_text(code)
        expect(page.locator(".failure")).to_contain_text(sentence)
        expect(page.locator(".failure")).to_contain_text("5")
        expect(page.locator(".live-text .say-text")).to_have_text("one two")
        expect(page.locator(".recording")).to_have_count(0)
        expect(page.locator(".fact", has_text=re.compile("Length|时长"))).to_have_text(
            re.compile(r"[1-9]\.\d+ (s|秒)$")
        )
        assert watched.violations() == []


def _turn(turn: int, text: str, end_s: float) -> list[dict[str, Any]]:
    """What is told of a turn that begins at once and has its end."""
    times = {"start_s": 0.0, "end_s": end_s}
    return [
        {"type": "speech_started", "turn": turn, "at_s": 0.0},
        {"type": "text", "turn": turn, "delta": text, "tentative": ""},
        {"type": "committed", "turn": turn, **times},
        {"type": "completed", "turn": turn, "text": text, "language": "English", **times},
    ]


def test_who_speaks_when_a_server_leaves_goes_on_with_the_next_one(browser: Browser, chromium: str) -> None:
    """When it said, from the end of the last turn; what was final stays, what was grey is told again, nothing twice."""
    leaves = {"type": "error", "code": "draining", "message": "The server is shutting down.", "retry_after_s": 2}
    begun = [{"type": "speech_started", "turn": 2, "at_s": 0.6}, {"type": "text", "turn": 2, "delta": " two three"}]
    first = [*_turn(1, "one", 0.5), {**begun[0]}, {**begun[1], "tentative": " for"}, leaves]
    second = [*_turn(1, " to three four", 1.0), *_turn(2, "five", 2.0)]
    speech = Speech(told=first, close_code=1012, close_behind=SECOND, later=[(second, 1000)])
    with scripted(browser, chromium, speech) as watched:
        page = watched.page
        says = page.locator(".live-text .say")
        expect(says).to_have_text(["0:00one", "0:00 two three for"])
        expect(page.locator(".recording-head")).to_contain_text("what is said meanwhile is kept")
        expect(says).to_have_text(["0:00one", "0:00 two three four", "0:00five"])
        expect(page.locator(".recording-head")).to_have_text("Listening")
        page.get_by_role("button", name="Finish").click()
        expect(page.locator(".phase.good")).to_have_text("Done")
        expect(says).to_have_text(["0:00one", "0:00 two three four", "0:00five"])
        expect(page.locator(".note")).to_have_count(0)
        said = float(page.get_by_text("Length").locator("+ dd").inner_text().split()[0])
    (_, began), (query, again) = speech.queries
    assert "session" not in query and again - began >= 2.0
    sizes = [size for size in speech.heard if isinstance(size, int)]
    assert sum(sizes) / SECOND - said == pytest.approx(0.5, abs=0.8), "a second went to both, but for the first turn"


def test_a_server_that_always_leaves_is_left(browser: Browser, chromium: str) -> None:
    """It lets everybody in, and then nobody may speak: that is said, not tried for ever."""
    leaves = [{"type": "error", "code": "draining", "message": "The server is shutting down.", "retry_after_s": 20}]
    speech = Speech(told=leaves, close_code=1012, later=[(leaves, 1012)] * 100)
    with serving(speech.app()) as url, microphone(browser, chromium, ENGLISH) as watched:
        watched.page.clock.install()
        page = watched.open(f"{url}/playground")
        page.get_by_role("button", name="Speak").click()
        expect(page.locator(".recording-head")).to_contain_text("what is said meanwhile is kept")
        for _ in range(50):
            page.clock.run_for(2_000)
            page.wait_for_timeout(50)
        expect(page.locator(".failure")).to_contain_text("draining")
        expect(page.locator(".failure")).to_contain_text("The server is shutting down.")
        assert 3 <= len(speech.queries) <= 5


FAST = """
const Own = AudioWorkletNode;
window.AudioContext = class extends AudioContext { constructor(wish) { super({...wish, sampleRate: 8000}); } };
window.AudioWorkletNode = class extends Own {
  constructor(...all) {
    super(...all);
    const {port} = this;
    const told = Object.getOwnPropertyDescriptor(MessagePort.prototype, "onmessage");
    Object.defineProperty(port, "onmessage", {
      set: (hear) => told.set.call(port, hear && (({data}) => {
        const sound = new Int16Array(data.sound.length * FACTOR).map((_, at) => data.sound[at % data.sound.length]);
        hear({data: {...data, sound}});
      })),
    });
  }
};
"""
"""A microphone whose packets are long: minutes pass in seconds."""


def test_speech_that_is_kept_no_longer_is_said_to_be_lost(browser: Browser, chromium: str) -> None:
    """Somebody speaks for minutes without a pause, and then the session is gone: only so much can be heard again."""
    first = [{"type": "speech_started", "turn": 1, "at_s": 0.0}, {"type": "text", "turn": 1, "delta": "one two"}]
    second = _turn(1, "two three", 2.0)
    speech = Speech(told=[first[0], {**first[1], "tentative": " th"}], later=[(second, 1000)])
    speech.listen = (404, "session_unknown", "No such session.")
    with ExitStack() as stack:
        proxy = stack.enter_context(cutting(stack.enter_context(serving(speech.app()))))
        watched = stack.enter_context(microphone(browser, chromium, ENGLISH))
        watched.page.add_init_script(FAST.replace("FACTOR", "100"))
        page = watched.open(f"{proxy.url}/playground")
        expect(page.locator(".model")).to_contain_text("harken/scripted")
        page.get_by_role("button", name="Speak").click()
        expect(page.get_by_role("timer")).to_have_text(re.compile("^([6-9]|[1-9][0-9]):"), timeout=30_000)
        proxy.cut()
        expect(page.locator(".note.warn")).to_have_text(re.compile(r"About \d.* of what was said was lost"))
        expect(page.locator(".live-text .say")).to_have_text(["0:00one two three"])
        expect(page.locator(".recording-head")).to_have_text("Listening")
        assert watched.violations() == []
        watched.errors.clear()
        page.goto("about:blank")


@pytest.mark.parametrize(
    ("status", "headers"), [(501, {}), (500, {"X-Should-Retry": "false"})], ids=["never-offered", "said-so"]
)
def test_a_server_that_comes_back_without_it_is_not_waited_for(
    browser: Browser, chromium: str, status: int, headers: dict[str, str]
) -> None:
    """Nothing is kept for one that says it will never take it; what was told stays."""
    speech = Speech(told=[{"type": "text", "turn": 1, "delta": "one", "tentative": " two"}])
    speech.listen, speech.listen_headers = (status, "not_offered", "Nobody may speak here."), headers
    with ExitStack() as stack:
        proxy = stack.enter_context(cutting(stack.enter_context(serving(speech.app()))))
        watched = stack.enter_context(microphone(browser, chromium, ENGLISH))
        page = watched.open(f"{proxy.url}/playground")
        page.get_by_role("button", name="Speak").click()
        expect(page.locator(".live-text .say-text")).to_have_text("one two")
        proxy.cut()
        expect(page.locator(".failure")).to_contain_text("Nobody may speak here.")
        expect(page.locator(".failure")).to_contain_text("not_offered")
        expect(page.locator(".live-text .say-text")).to_have_text("one two")
        watched.errors.clear()


def test_who_refuses_the_microphone_reads_what_to_do(browser: Browser, chromium: str, server: Speaking) -> None:
    """The page is as before, with a sentence; there is a microphone, and nobody to allow it."""
    flags = [*FLAGS, "--use-fake-device-for-media-stream"]
    with browser.browser_type.launch(executable_path=chromium, args=flags) as shy, watching(shy) as watched:
        page = opened(watched, server.url, server.key)
        page.get_by_role("button", name="Speak").click()
        expect(page.get_by_role("alert")).to_contain_text("Allow it in the browser's settings")
        expect(page.get_by_role("button", name="Speak")).to_be_enabled()
        assert watched.violations() == []
