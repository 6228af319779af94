"""Rules of harken.engine.plugin_bounds."""

from __future__ import annotations

import pytest

from harken.dispatch.lines.text_lines import LINE_BYTES_MAX as GATEWAY_LINE_BYTES_MAX
from harken.engine.plugin_bounds import LINE_BYTES_MAX, characters_max, refuse_what_cannot_travel, words_max
from harken.errors import EngineFailed
from harken.types import Transcript, Word
from harken.wire import Delta, pack_message


def test_no_bound_is_beyond_what_a_gateway_reads() -> None:
    """The longest text of the longest segment, in the characters that JSON spells longest, is a line that it takes."""
    assert len(pack_message(Delta(text="\0" * characters_max(3600.0)))) < LINE_BYTES_MAX < GATEWAY_LINE_BYTES_MAX


def test_more_than_a_line_is_refused_with_its_size() -> None:
    """An hour in one segment may have more words than a gateway reads."""
    words = (Word(text="a", start_s=0.123456789, end_s=0.123456789),) * 30_000
    assert len(words) < words_max(3600.0)
    with pytest.raises(EngineFailed, match="can send"):
        refuse_what_cannot_travel(Transcript(text="a", language="English", audio_s=3600.0, words=words))
    refuse_what_cannot_travel(Transcript(text="a", language="English", audio_s=3600.0, words=words[:10_000]))
