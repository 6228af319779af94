"""The dashboard in a real Chromium, against scripted clusters: what it says, what its buttons do, who can use it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web import picture as pictures
from tests.web.conftest import Window
from tests.web.picture import Picture
from tests.web.scripted import Script
from tests.web.serving import serving
from tests.web.showing import changed, shown

pytestmark = pytest.mark.slow
PHONE = {"width": 390, "height": 844}
SIDEWAYS = """
[...document.querySelectorAll(".scroll")]
  .filter((each) => each.scrollWidth > each.clientWidth)
  .map((each) => each.innerText)
"""
"""What has to be scrolled sideways."""


def starting(told: Picture) -> None:
    """A gateway whose instances load."""
    told["server"] |= {"status": "starting", "is_ready": False}
    for one in told["instances"]:
        one |= {"state": "starting", "limit": 0}


def asleep(told: Picture) -> None:
    """A gateway that scaled down to none."""
    told["server"] |= {"status": "healthy", "is_ready": True}
    told["instances"].clear()


def failing(told: Picture) -> None:
    """Ready, but every third request fails."""
    told["now"] |= {"failed": 280, "success": 0.667}


def broken(told: Picture) -> None:
    """Nothing is ready."""
    told["server"] |= {"status": "unhealthy", "is_ready": False}
    for one in told["instances"]:
        one |= {"state": "unresponsive", "limit": 0, "detail": "It has not answered three looks in a row."}


def renewed(told: Picture) -> None:
    """All requests are others."""
    for one in told["requests"]:
        one["id"] += "-newer"


@pytest.mark.parametrize(
    ("tell", "word", "fact"),
    [
        (pictures.picture, "Healthy", "4 of 4 instances ready"),
        (pictures.dying, "Degraded", "3 of 840 requests failed"),
        (changed(starting, is_idle=True), "Starting", "0 of 4 instances ready"),
        (changed(asleep, is_idle=True), "Asleep", "nothing to transcribe in the last minute"),
        (changed(failing), "Requests fail", "280 of 840 requests failed"),
        (changed(broken), "Cannot transcribe", "0 of 4 instances ready"),
        (changed(lambda told: None, instances=1, kind="instance"), "Healthy", "52× real time"),
    ],
)
def test_the_headline_says_whether_it_is_well(
    window: Window, tell: Callable[[float], Picture], word: str, fact: str
) -> None:
    """One word, and the facts behind it; the window's title says the word too."""
    with shown(window, Script(tell=tell)) as watched:
        expect(watched.page.locator("h1")).to_have_text(word)
        expect(watched.page.locator(".well")).to_contain_text(fact)
        assert watched.page.title() == f"{word} · Harken"


def test_an_instance_dies_on_screen(window: Window) -> None:
    """Nobody has to reload: the word, the line of the instance, the error and the live region all change."""
    script = Script()
    with shown(window, script) as watched:
        page = watched.page
        expect(page.locator("h1")).to_have_text("Healthy")
        script.tell = pictures.dying
        expect(page.locator("h1")).to_have_text("Degraded")
        first = page.locator(".instances tbody tr").first
        expect(first).to_contain_text("asr-2")  # the worst stands first
        expect(first).to_contain_text("starting")
        expect(first).to_contain_text("killed by SIGKILL")
        expect(page.locator(".errors li").first).to_contain_text("An instance died, hung or broke off.")
        expect(page.locator("main > [role=status]")).to_have_text("Degraded")
        script.tell = pictures.picture
        expect(page.locator("h1")).to_have_text("Healthy")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_axe_finds_nothing(window: Window, scheme: str, locale: str) -> None:
    """With a journey, the figures and a dialog open, in both themes and languages."""
    script = Script(tell=pictures.dying)
    with shown(window, script, key="hk_admin", color_scheme=scheme, locale=locale) as watched:
        page = watched.page
        page.locator(".fold").first.click()
        page.locator(".figures summary").click()
        expect(page.locator(".figures table")).to_be_visible()
        assert watched.violations() == []
        page.locator(".actions button").first.click()
        expect(page.locator("dialog[open]")).to_be_visible()
        assert watched.violations() == []


@pytest.mark.parametrize(
    "tell", [pictures.dying, changed(lambda told: None, instances=200), changed(starting, is_idle=True)]
)
def test_it_fits_a_phone(window: Window, tell: Callable[[float], Picture]) -> None:
    """Nothing is wider than the window, and what stands in a card is still a table."""
    with shown(window, Script(tell=tell), key="hk_admin", viewport=PHONE) as watched:
        watched.page.locator(".picture").wait_for()
        assert not watched.is_wider_than_the_window()
        assert watched.page.get_by_role("row").filter(has_text="asr-1").count() >= 1
        assert watched.violations() == []


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_recent_requests_are_read_whole_in_a_narrow_window(window: Window, locale: str) -> None:
    """However long an outcome is, nothing lies beside the window; the keyboard opens a journey, and sees all of it."""

    def change(told: Picture) -> None:
        for one in told["requests"][2:]:
            one |= {"outcome": "range_not_satisfiable", "status": 416, "audio_s": 48_700.0, "wall_s": 125.3}

    with shown(window, Script(tell=changed(change)), viewport=PHONE, locale=locale) as watched:
        page = watched.page
        page.locator(".requests .fold").nth(3).focus()
        page.keyboard.press("Enter")
        expect(page.locator(".journey")).to_be_visible()
        took = page.locator(".requests tbody tr").nth(3).get_by_role("cell")
        took = took.filter(has_text="2 分 5 秒" if locale == "zh-CN" else "2 min 5 s").first
        for width in (320, 380, 641, 700, 900, 1190):
            page.set_viewport_size({"width": width, "height": 844})
            assert page.evaluate(SIDEWAYS) == [], width
            assert not watched.is_wider_than_the_window(), width
            took.scroll_into_view_if_needed()
            expect(took).to_be_in_viewport(ratio=1)


def test_two_hundred_instances_are_a_map_and_the_worst_of_them(window: Window) -> None:
    """The rest is a button away; a column's heading sorts them."""

    def wrong(told: Picture) -> None:
        told["instances"][150] |= {"state": "unresponsive", "limit": 0, "in_flight": 0}
        told["instances"][7]["memory_bytes"] = 99 * 2**30

    with shown(window, Script(tell=changed(wrong, instances=200))) as watched:
        page = watched.page
        rows = page.locator(".instances tbody tr")
        expect(rows).to_have_count(12)
        expect(rows.first).to_contain_text("asr-151")
        expect(page.locator(".map > span")).to_have_count(200)
        page.get_by_role("button", name="Memory").click()
        expect(rows.first).to_contain_text("99.0 GiB")
        expect(page.get_by_role("columnheader", name="Memory")).to_have_attribute("aria-sort", "descending")
        page.get_by_role("button", name="Show all 200").click()
        expect(rows).to_have_count(200)


def test_a_journey_tells_which_targets_tried(window: Window) -> None:
    """And the list stands still while it is read: news does not push it away."""
    script = Script(tell=pictures.dying)
    with shown(window, script) as watched:
        page = watched.page
        page.locator(".fold").first.click()
        journey = page.locator(".journey")
        expect(journey.locator(".lane").nth(1)).to_contain_text(re.compile(r"Segment 1.*asr-2.*instance failed"))
        expect(journey.locator(".lane").nth(2)).to_contain_text(re.compile(r"asr-3.*1\.10 s, tried again"))
        expect(journey).to_contain_text("from the cache")
        script.tell = changed(renewed)
        expect(page.locator("section.requests")).to_contain_text("Held while you look, 24 newer")
        expect(journey).to_be_visible()
        page.locator(".fold").first.click()
        page.mouse.move(0, 0)
        page.locator("h1").click()
        expect(page.locator("section.requests")).not_to_contain_text("Held")


def test_who_cannot_reach_the_server_is_told(window: Window) -> None:
    """The picture is called old after a few seconds; a new connection makes it live again."""
    script = Script()
    with shown(window, script) as watched:
        page = watched.page
        expect(page.locator(".connection")).to_have_text("Live")
        script.is_mute = True
        expect(page.locator(".connection")).to_contain_text("No news for")
        expect(page.locator(".stale")).to_contain_text("there is no news from the server")
        expect(page.locator("main > [role=status]")).to_have_text("The picture is old: no news from the server.")
        script.is_mute = False
        expect(page.locator(".connection")).to_have_text("Live")
        with page.expect_response(re.compile(r"/cluster/events$")):
            script.is_cut = True  # as when the server goes
        script.is_cut = False
        expect(page.locator(".connection")).to_have_text("Live")
        assert script.connections >= 2


def test_a_server_of_another_version_is_not_shown_as_if_it_were_understood(window: Window) -> None:
    """A new version asks for a reload; a document that lacks what is shown is called what it is."""

    def newer(told: Picture) -> None:
        told["server"]["version"] = "9.0.0"

    def other(told: Picture) -> None:
        del told["queue"]

    script = Script()
    with shown(window, script) as watched:
        expect(watched.page.locator("h1")).to_have_text("Healthy")
        script.tell = changed(newer)
        expect(watched.page.get_by_role("alert")).to_contain_text("another version now")
        expect(watched.page.locator("h1")).to_have_text("Healthy")
        script.tell = changed(other)
        expect(watched.page.get_by_role("alert")).to_contain_text("does not understand")
        expect(watched.page.get_by_role("button", name="Reload")).to_be_visible()
        script.tell = pictures.picture
        watched.page.reload()
        expect(watched.page.locator("h1")).to_have_text("Healthy")
        watched.forgive("TypeError")


def test_what_is_not_known_is_a_dash(window: Window) -> None:
    """Not a nought, and not an empty page: a server just started, on a machine that tells little."""

    def change(told: Picture) -> None:
        told["machine"] |= {"cpu_busy": None, "memory_bytes": None, "memory_total_bytes": None}
        told["server"] |= {"model": "", "revision": None}
        told["queue"] |= {"limit_audio_s": 0.0, "classes": []}
        told["series"] = {name: [] if isinstance(of, list) else of for name, of in told["series"].items()}
        for one in told["instances"]:
            one |= {"memory_bytes": None, "rtfx": None, "success": None, "last_success_s": None, "pid": None}

    with shown(window, Script(tell=changed(change, is_idle=True))) as watched:
        expect(watched.page.locator(".gauges")).to_contain_text("– of 16 cores")
        expect(watched.page.locator(".instances tbody tr").first).to_contain_text("never")
        assert "NaN" not in watched.page.locator("body").inner_text()
        assert watched.violations() == []


@pytest.mark.parametrize(
    ("locale", "speak", "refused"), [("en-GB", "speak now", "refused so far"), ("zh-CN", "人正在说话", "累计拒绝")]
)
def test_who_speaks_is_seen_with_how_late_text_is(window: Window, locale: str, speak: str, refused: str) -> None:
    """In a card of its own, which is not there where nobody can speak."""
    script = Script(tell=changed(lambda told: told["live"].update(refused=4)))
    with shown(window, script, locale=locale) as watched:
        card = watched.page.locator(".card").nth(4)
        expect(card.locator(".figure")).to_contain_text(f"9 {speak}")
        expect(card.locator(".keys")).to_contain_text("0.42")
        expect(card.locator(".keys")).to_contain_text(refused)
        assert watched.violations() == []
        script.tell = changed(lambda told: told.update(live=None))
        expect(watched.page.locator(".card")).to_have_count(4)


def test_language_and_theme_are_switched_and_remembered(window: Window) -> None:
    """The document says which language it is in."""
    with shown(window, Script()) as watched:
        page = watched.page
        page.get_by_role("button", name="Switch to 中文").click()
        expect(page.locator("h1")).to_have_text("运行正常")
        page.get_by_role("button", name="主题").click()
        page.get_by_role("button", name="主题").click()
        assert _root(page) == ["zh-CN", "dark"]
        page.reload()
        expect(page.locator("h1")).to_have_text("运行正常")
        assert _root(page) == ["zh-CN", "dark"]


def _root(page: Page) -> list[str]:
    told: list[str] = page.evaluate("[document.documentElement.lang, document.documentElement.dataset.theme]")
    return told


def test_failures_are_told_in_chinese(window: Window) -> None:
    """Of requests, of tries and of the last hour; English is for the codes alone."""

    def change(told: Picture) -> None:
        told["requests"][0] = pictures.retried(told["at"])
        told["requests"][1] |= {"outcome": "undecodable_audio", "status": 400}
        told["requests"][2] |= {"outcome": "cancelled", "status": None, "audio_s": None}
        failed = {**told["requests"][3]["segments"][0], "outcome": "no_ready_instance", "tries": []}
        told["requests"][3] |= {"outcome": "no_ready_instance", "status": 503, "segments": [failed]}
        told["errors"] = [{"code": "invalid_api_key", "count": 2, "last_at": told["at"]}]

    with shown(window, Script(tell=changed(change)), locale="zh-CN") as watched:
        page = watched.page
        rows = page.locator(".requests tbody tr")
        expect(rows.nth(1).locator(".cell-outcome")).to_have_text("无法解码")
        expect(rows.nth(2)).to_contain_text("客户端离开")
        expect(rows.nth(2).locator(".cell-audio")).to_have_text("–")
        expect(page.locator(".errors")).to_contain_text("没有发送密钥")
        page.locator(".fold").nth(3).click()
        expect(page.locator(".journey")).to_contain_text("无就绪实例")
        page.locator(".fold").nth(3).click()
        page.locator(".fold").nth(2).click()
        expect(page.locator(".facts div").nth(1)).to_have_text("状态码–")
        page.locator(".fold").first.click()
        expect(page.locator(".journey").first).to_contain_text("实例故障")
        english = page.locator(".requests").inner_text()
        assert not re.search(r"failed|undecodable|instance\b", english), english


def test_both_languages_have_the_same_sentences(window: Window) -> None:
    """With the same places to fill in, on both pages; a missing one would show its key."""
    with serving(Script().app()) as url:
        for path in ("/", "/playground"):
            watched = window()
            watched.open(f"{url}{path}")
            shell = watched.page.locator("script[type=module]").get_attribute("src")
            assert shell is not None
            books = watched.page.evaluate(
                "async (src) => (await import(new URL('words.js', new URL(src, location)).href)).allWords()", shell
            )
            english, chinese = books["en"], books["zh-CN"]
            assert set(english) == set(chinese)
            for key, text in english.items():
                assert chinese[key], key
                assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", chinese[key])), key
            watched.page.goto("about:blank")


def test_whatever_a_server_says_is_shown_as_text(window: Window) -> None:
    """Names, sentences and codes come from elsewhere: no markup of theirs is ever obeyed."""
    evil = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>'

    def change(told: Picture) -> None:
        told["server"] |= {"name": evil, "model": evil, "change": evil}
        told["instances"][0] |= {"name": evil, "detail": evil, "state": evil, "ejected": evil}
        told["requests"][0] |= {"route": evil, "outcome": evil, "class": evil}
        told["errors"] = [{"code": evil, "count": 10**9, "last_at": 0}]

    with shown(window, Script(tell=changed(change))) as watched:
        expect(watched.page.locator(".errors")).to_contain_text("<img src=x")
        assert watched.page.evaluate("window.broken") is None
        assert watched.page.locator("main img, main script").count() == 0
        assert not watched.is_wider_than_the_window()


def test_it_works_behind_a_prefix(window: Window) -> None:
    """All addresses are relative, so a proxy may put it anywhere."""
    from fastapi import FastAPI

    outer = FastAPI()
    outer.mount("/speech", Script().app())
    with serving(outer) as url:
        watched = window()
        watched.open(f"{url}/speech/")
        expect(watched.page.locator("h1")).to_have_text("Healthy")
        watched.page.get_by_role("link", name="Playground").click()
        watched.page.wait_for_url(f"{url}/speech/playground")
        watched.page.goto("about:blank")
        assert all(address.startswith((f"{url}/speech/", "data:", "about:")) for address in watched.addresses)
