"""Whether a terminal shows more than ASCII."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from harken.cli.screen import is_unicode


@pytest.mark.parametrize(
    ("environment", "is_mode", "expected"),
    [
        ({}, True, True),
        ({"LANG": "en_US.UTF-8"}, False, True),
        ({"LANG": "en_US.utf8@euro", "LC_ALL": ""}, False, True),
        ({"LANG": "en_US.UTF-8", "LC_CTYPE": "C"}, False, False),
        ({"LANG": "C", "LC_ALL": "C.UTF-8"}, False, True),
        ({"LC_ALL": "C"}, True, False),
        ({"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, True, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False, True),
        ({"LC_ALL": "de_DE.ISO-8859-1"}, True, False),
        ({"LC_ALL": "C", "PYTHONUTF8": "1"}, True, True),
        ({"LC_ALL": "C", "PYTHONIOENCODING": "utf-8"}, True, True),
    ],
)
def test_the_locale_says_what_is_shown(environment: dict[str, str], is_mode: bool, expected: bool) -> None:
    """The first variable that is set, but for what Python wrote itself; and nothing set says nothing."""
    assert is_unicode("utf-8", environment, is_mode=is_mode) is expected
    assert not is_unicode("iso8859-1", environment, is_mode=is_mode)


@pytest.mark.slow
@pytest.mark.parametrize(("locale", "is_ascii"), [("C", True), ("C.UTF-8", False)])
def test_only_drawing_depends_on_it(locale: str, is_ascii: bool) -> None:
    """An arrow and a frame are drawn; a text comes out as it is."""
    code = "from harken.cli.screen import *; import rich.table as t; print(drawn('→…█'), '零一')\n"
    code += "table = t.Table('x'); table.add_row('二'); Screen().print(table)"
    env = {**os.environ, "LC_ALL": locale}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=env).stdout.decode()
    assert "零一" in out and "二" in out
    assert out.translate({ord(character): None for character in "零一二"}).isascii() is is_ascii
