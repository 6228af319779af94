"""Keys and changes on the dashboard: who is asked for a key, what buttons do, what a refusal looks like."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Window
from tests.web.scripted import Script
from tests.web.showing import changed, shown

pytestmark = pytest.mark.slow


def test_a_key_is_asked_for_kept_in_the_tab_and_forgotten(window: Window) -> None:
    """A wrong one is refused in the server's words; local storage never sees it."""
    with shown(window, Script(key="hk_right")) as watched:
        page = watched.page
        expect(page.locator("main h1")).to_have_text("This page needs a key")
        assert watched.violations() == []
        for secret in ("hk_wrong", "hk_right"):
            page.get_by_role("button", name="Enter a key…").click()
            page.get_by_label("Key", exact=True).fill(secret)
            page.get_by_role("button", name="Use this key").click()
            expected = "The API key is not valid." if secret == "hk_wrong" else "Healthy"
            expect(page.locator("main")).to_contain_text(expected)
        assert page.evaluate("[sessionStorage['harken.key'], JSON.stringify(localStorage)]") == ["hk_right", "{}"]
        page.get_by_role("button", name="API key: in use").click()
        page.get_by_role("button", name="Forget the key").click()
        expect(page.locator("main h1")).to_have_text("This page needs a key")
        watched.forgive("401")


@pytest.mark.parametrize(
    ("locale", "none", "unknown"),
    [
        ("en-GB", "An API key is needed.", "The API key is not valid."),
        ("zh-CN", "需要 API 密钥。", "API 密钥不存在或已撤销。"),
    ],
)
def test_what_is_wrong_with_a_key_is_said_in_the_pages_language(
    window: Window, locale: str, none: str, unknown: str
) -> None:
    """The server's sentences are English."""
    with shown(window, Script(key="hk_right"), locale=locale) as watched:
        page = watched.page
        refused = page.locator("main .alone p").first
        expect(refused).to_have_text(f"{none} invalid_api_key")
        page.locator("main .alone .main").click()
        page.locator("dialog[open] input").fill("hk_wrong")
        page.locator("dialog[open] .main").click()
        expect(refused).to_have_text(f"{unknown} invalid_api_key")
        watched.forgive("401")


@pytest.mark.parametrize(
    ("locale", "drain", "sentence"),
    [
        ("en-GB", "Drain", "This key is valid, but it is not an admin's."),
        ("zh-CN", "排空", "此密钥有效，但不是管理员密钥。"),
    ],
)
def test_a_key_that_is_no_admins_is_not_called_wrong(window: Window, locale: str, drain: str, sentence: str) -> None:
    """Who typed it would look for a slip."""
    error = {"message": "This needs an admin key.", "code": "not_permitted"}
    script = Script(answers={"/admin/instances/asr-1/drain": (403, {"error": error})})
    with shown(window, script, key="hk_plain", locale=locale) as watched:
        page = watched.page
        page.get_by_role("button", name=f"{drain} asr-1").click()
        page.locator("dialog[open]").get_by_role("button", name=drain).click()
        expect(page.locator("dialog[open] [role=alert]")).to_have_text(sentence)
        page.keyboard.press("Escape")
        expect(page.locator(".change")).to_contain_text(sentence)
        watched.forgive("403")


def test_a_refusal_is_told_in_chinese_with_the_servers_details(window: Window) -> None:
    """The server's sentence stands behind it: it may say more than the code."""
    refused = {"error": {"message": "Memory has room for 1 more instances, not 2.", "code": "no_room"}}
    script = Script(answers={"/admin/instances/asr-1/restart": (409, refused)})
    with shown(window, script, key="hk_admin", locale="zh-CN") as watched:
        page = watched.page
        page.get_by_role("button", name="重启 asr-1").click()
        page.locator("dialog[open]").get_by_role("button", name="重启").click()
        told = "内存不足以再启动一个实例（Memory has room for 1 more instances, not 2.） no_room"
        expect(page.locator(".change")).to_contain_text(told)
        watched.forgive("409")


@pytest.mark.parametrize(
    ("key", "locale", "sentence"),
    [
        ("hk_naïve", "en-GB", "No API key has such characters"),
        ("hk_密钥", "zh-CN", "API 密钥中不会有这样的字符"),
    ],
)
def test_a_key_that_no_header_carries_is_called_so(window: Window, key: str, locale: str, sentence: str) -> None:
    """The browser refuses to send it; the page must not say that the server cannot be reached, nor ask it in vain."""
    script = Script()
    with shown(window, script, key=key, locale=locale) as watched:
        page = watched.page
        expect(page.locator("main .alone")).to_contain_text(sentence)
        page.locator("main .alone .main").click()
        page.locator("dialog[open] input").fill(key)
        expect(page.locator("dialog[open] [role=status]")).to_contain_text(sentence)
        expect(page.locator("dialog[open] .main")).to_be_disabled()
        assert watched.violations() == []
        page.locator("dialog[open] input").fill("hk_right")
        expect(page.locator("dialog[open] [role=status]")).to_be_empty()
        page.locator("dialog[open] .main").click()
        expect(page.locator("main .alone")).to_have_count(0)
        expect(page.locator(".picture")).to_be_visible()


def test_without_an_admin_key_the_buttons_are_explained(window: Window) -> None:
    """Nothing is offered that the server would refuse."""
    with shown(window, Script(admin_key="hk_admin")) as watched:
        expect(watched.page.locator(".instances")).to_contain_text("need an admin key")
        assert watched.page.locator(".actions").count() == 0


def test_where_nothing_can_be_changed_there_are_no_buttons(window: Window) -> None:
    """A lone instance has no fleet."""
    tell = changed(lambda told: None, instances=1, kind="instance")
    with shown(window, Script(tell=tell), key="hk_admin") as watched:
        expect(watched.page.locator(".instances h2")).to_have_text("This instance")
        assert watched.page.locator(".instances .actions, .instances .panel-head button").count() == 0


def test_an_instance_is_restarted_only_after_a_question(window: Window) -> None:
    """Escape asks nothing of the server; while it is under way no second change is offered."""
    script = Script(admin_key="hk_admin")
    with shown(window, script, key="hk_admin") as watched:
        page = watched.page
        page.get_by_role("button", name="Restart asr-3").click()
        expect(page.locator("dialog[open]")).to_contain_text("Restart asr-3?")
        page.keyboard.press("Escape")
        expect(page.locator("dialog[open]")).to_have_count(0)
        assert script.changes == []
        script.takes_its_time = True
        page.get_by_role("button", name="Restart asr-3").click()
        page.locator("dialog[open]").get_by_role("button", name="Restart").click()
        expect(page.locator(".change")).to_contain_text("Restarting asr-3…")
        expect(page.get_by_role("button", name="Drain asr-1")).to_be_disabled()
        script.takes_its_time = False
        expect(page.locator(".change")).to_contain_text("asr-3 was restarted.")
        assert script.changes == [("/admin/instances/asr-3/restart", None)]


def test_the_fleet_is_scaled_to_a_number_that_can_be(window: Window) -> None:
    """The keyboard is enough; the server's refusal is shown with its code."""
    refused = {"error": {"message": "The autoscaler decides how many there are.", "code": "autoscaled"}}
    script = Script(answers={"/admin/scale": (409, refused)})
    with shown(window, script, key="hk_admin") as watched:
        page = watched.page
        page.get_by_role("button", name="Scale…").press("Enter")
        count = page.get_by_role("spinbutton", name="Instances")
        expect(count).to_have_value("4")
        for text in ("", "0", "4", "2.5", "5000", "-1"):
            count.fill(text)
            expect(page.locator("dialog[open] .main")).to_be_disabled()
        count.fill("6")
        count.press("Enter")
        expect(page.locator(".change")).to_contain_text("The autoscaler decides how many there are. autoscaled")
        assert script.changes == [("/admin/scale", {"count": 6})]
        script.answers.clear()
        page.get_by_role("button", name="Scale…").click()
        page.get_by_role("spinbutton", name="Instances").fill("6")
        page.get_by_role("spinbutton", name="Instances").press("Enter")
        expect(page.locator(".change")).to_contain_text("The fleet has 6 instances now.")
        watched.forgive("409")
