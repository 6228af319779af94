"""Rules of harken.testing.model: a fake that behaves like a network, and notices wrong use."""

from __future__ import annotations

import pytest

from harken.engine.model import Model
from harken.testing import FakeModel, Gate, fake_text, silence, speech_like
from harken.testing.model import STOP, FakeCache, FakePrompt
from harken.types import Options

_ANY = Options()


def _written(model: FakeModel, cache: FakeCache, prompt: FakePrompt, slot: int, limit: int = 100) -> list[int]:
    """Drive one sequence by hand, as the engine does."""
    tokens = model.prefill(cache, [prompt], [slot]).tokens
    while tokens[-1] not in model.stop_ids and len(tokens) < limit:
        tokens += model.decode(cache, [slot], [tokens[-1]], [prompt.length + len(tokens) - 1]).tokens
    return tokens


def test_it_is_a_model() -> None:
    """Mypy checks the shape; its longest segment and slots are what was asked for."""
    model: Model = FakeModel(max_segment_s=12)
    assert model.info.max_segment_s == 12
    assert model.stop_ids == {STOP}


@pytest.mark.parametrize("language", [None, "Chinese"])
def test_its_text_is_computed_from_the_samples(language: str | None) -> None:
    """With a header when it has to detect the language, without one when it is forced."""
    model, options, samples = FakeModel(), Options(language=language), speech_like(1)
    cache = model.open_cache(slots=3, max_tokens=100)
    raw = model.detokenize(_written(model, cache, model.prompt(samples, options), 2)[:-1])
    assert raw.startswith("language English<asr_text>") == (language is None)
    assert model.parse(raw, options) == (fake_text(samples), language or "English")
    assert fake_text(samples) != fake_text(speech_like(1, seed=1))


def test_it_hears_nothing_in_silence() -> None:
    """Like the real one, it says so in its header."""
    model = FakeModel()
    cache = model.open_cache(slots=1, max_tokens=100)
    raw = model.detokenize(_written(model, cache, model.prompt(silence(1), _ANY), 0)[:-1])
    assert raw == "language None<asr_text>"
    assert model.parse(raw, _ANY) == ("", "")


def test_half_a_character_shows_as_unfinished() -> None:
    """A Chinese character is three tokens."""
    model = FakeModel()
    assert model.detokenize(list("三".encode())[:2]) == "�"
    assert model.detokenize(list("三".encode())) == "三"


def test_it_can_repeat_itself_for_ever() -> None:
    """Only a cap ends that."""
    model = FakeModel(never_stops=True)
    cache = model.open_cache(slots=1, max_tokens=1000)
    assert STOP not in _written(model, cache, model.prompt(speech_like(1), _ANY), 0, limit=300)


def test_wrong_use_is_noticed() -> None:
    """An empty slot, a wrong length, a wrong token, a slot twice, too little room."""
    model = FakeModel()
    cache = model.open_cache(slots=2, max_tokens=60)
    prompt = model.prompt(speech_like(1), _ANY)
    with pytest.raises(AssertionError, match="never filled"):
        model.decode(cache, [0], [1], [1])
    (token,) = model.prefill(cache, [prompt], [0]).tokens
    with pytest.raises(AssertionError, match="holds 28 tokens, not 27"):
        model.decode(cache, [0], [token], [27])
    with pytest.raises(AssertionError, match="wrote 108 last, not 109"):
        model.decode(cache, [0], [109], [28])
    with pytest.raises(AssertionError, match="a slot twice"):
        model.decode(cache, [0, 0], [token, token], [28, 28])
    with pytest.raises(AssertionError, match="28 tokens > 20"):
        model.prefill(model.open_cache(slots=1, max_tokens=20), [prompt], [0])


def test_it_fails_when_it_is_told_to() -> None:
    """Once, or from now on."""
    model = FakeModel(failing_once={"prompt"}, failing={"open_cache"})
    with pytest.raises(RuntimeError, match="prompt was told to fail"):
        model.prompt(silence(1), _ANY)
    assert model.prompt(silence(1), _ANY).length == 28
    for _ in range(2):
        with pytest.raises(RuntimeError, match="open_cache"):
            model.open_cache(slots=1, max_tokens=1)


def test_its_steps_are_on_record_and_pass_its_gate() -> None:
    """So that a test can say what ran together."""
    gate = Gate()
    gate.open()
    model = FakeModel(gate=gate)
    cache = model.open_cache(slots=2, max_tokens=60)
    prompt = model.prompt(speech_like(1), _ANY)
    tokens = model.prefill(cache, [prompt, prompt], [1, 0]).tokens
    model.decode(cache, [1, 0], tokens, [28, 28])
    assert [(step.name, step.slots) for step in model.steps] == [("prefill", (1, 0)), ("decode", (1, 0))]
