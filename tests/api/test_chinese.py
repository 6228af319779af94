"""/asr in Chinese for those who ask for it."""

from __future__ import annotations

import pytest

from harken.api.chinese import MESSAGES, message_in, wanted_language
from harken.errors import SetupError, UnknownLanguage, leaves
from tests.api.world import CLIP, World, ask


def test_every_code_that_a_client_can_see_has_a_chinese_message() -> None:
    """Those of the tree, wherever in a server they are defined; an error of set-up or of a command is no answer."""
    commands = ("harken.cli", "harken.ops", "harken.fleet")
    seen = {
        code
        for code, kind in leaves().items()
        if not issubclass(kind, SetupError) and not kind.__module__.startswith(commands)
    }
    assert seen <= set(MESSAGES)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("ZH-Hans-CN", "zh"),
        ("zh-TW", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("en;q=0.5, zh;q=0.7", "zh"),
        ("fr, zh;q=0.1", "zh"),
        ("fr, de", "en"),
        ("zh;q=0", "en"),
        ("zh;q=much", "en"),
        ("*", "en"),
        ("zhx, ;;;,", "en"),
    ],
)
def test_accept_language_decides(header: str, language: str) -> None:
    """By its weights, any region or script; English by default."""
    assert wanted_language(header) == language


def test_the_english_details_follow_in_brackets() -> None:
    """Which field, which languages: the code alone would not tell. A bare message needs nothing more."""
    assert message_in("zh", UnknownLanguage("Language 'x'.")) == "不支持该语言（Language 'x'.）"
    assert message_in("zh", UnknownLanguage()) == "不支持该语言"
    assert message_in("en", UnknownLanguage("Language 'x'.")) == "Language 'x'."


def test_the_guides_message_for_a_missing_file_is_exact() -> None:
    """Its clients may compare it."""
    answer = ask(World(), "POST", "/asr", headers={"Accept-Language": "zh-CN"})
    assert (answer.status_code, answer.json()) == (400, {"error": "未提供音频文件", "code": "missing_audio"})
    assert (answer.headers["content-language"], answer.headers["vary"]) == ("zh", "Accept-Language")


def test_every_way_to_an_error_speaks_chinese() -> None:
    """The route, the framework's refusals, defects."""
    chinese = {"Accept-Language": "zh"}
    for answer in (
        ask(World(), "POST", "/asr", files={"audio": CLIP}, data={"lang": "en"}, headers=chinese),
        ask(World(), "GET", "/asr", headers=chinese),
        ask(World(has_service=False), "POST", "/asr", files={"audio": CLIP}, headers=chinese),
    ):
        assert MESSAGES[answer.json()["code"]] in answer.json()["error"]


def test_openais_routes_stay_english() -> None:
    """Its SDKs know nothing else."""
    answer = ask(World(), "POST", "/v1/audio/transcriptions", headers={"Accept-Language": "zh"})
    assert "No audio file" in answer.json()["error"]["message"]
    assert "content-language" not in answer.headers
