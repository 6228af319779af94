"""Rules of harken.engine.stub_options."""

from __future__ import annotations

import pytest

from harken.engine.stub_options import StubOptions, parse_stub
from harken.errors import ConfigError


def test_options_are_read_from_the_models_name() -> None:
    """Numbers by name; the rest keep their defaults."""
    assert parse_stub("stub") == StubOptions()
    assert parse_stub("stub:rtfx=50, start_s=0.5,fail_every=0") == StubOptions(rtfx=50.0, start_s=0.5)


@pytest.mark.parametrize(("spec", "told"), [("stub:rtf=1", "did you mean 'rtfx'"), ("stub:rtfx=fast", "a number")])
def test_a_wrong_option_is_an_error(spec: str, told: str) -> None:
    """With the one that was probably meant."""
    with pytest.raises(ConfigError, match=told):
        parse_stub(spec)
