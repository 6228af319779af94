"""The dashboard over a scripted cluster, in a window that is watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.web import picture as pictures
from tests.web.conftest import Window
from tests.web.picture import Picture
from tests.web.scripted import Script
from tests.web.serving import serving
from tests.web.watched import Watched


@contextmanager
def shown(window: Window, script: Script, *, key: str = "", **context: Any) -> Iterator[Watched]:
    """Open the dashboard of a scripted cluster; with a key, somebody has entered it already."""
    with serving(script.app()) as url:
        watched = window(**context)
        if key:
            watched.page.add_init_script(
                f"location.protocol === 'http:' && sessionStorage.setItem('harken.key', '{key}')"
            )
        watched.open(f"{url}/")
        yield watched
        watched.page.goto("about:blank")  # its stream ends before its server does


def changed(change: Callable[[Picture], None], **options: Any) -> Callable[[float], Picture]:
    """A picture with something different about it."""

    def tell(at: float) -> Picture:
        told = pictures.picture(at, **options)
        change(told)
        return told

    return tell
