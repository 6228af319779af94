"""A window that was encoded before is looked up, and nobody can tell but by the time it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from harken.qwen3_asr.clip import Clip, make_clip
from harken.qwen3_asr.encoder_cache import EncoderCache, Window, WindowKey
from harken.qwen3_asr.model import Qwen3ASR
from harken.qwen3_asr.native.library import library
from harken.qwen3_asr.network import Network
from harken.types import Options
from tests.qwen3_asr import reference

ROOM = 2**24
WINDOW = 800


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Qwen3ASR:
    """A random network with the published head sizes, in the CPU's own kernels."""
    if library() is None:
        pytest.skip("no CPU kernels for this machine")
    written = reference.random_model(reference.PROPORTIONED).bfloat16()
    return Qwen3ASR.load(reference.write_hf(tmp_path_factory.mktemp("packed"), written))


@pytest.fixture(params=["ours", "packed"])
def network(request: pytest.FixtureRequest) -> Iterator[Network]:
    """A network with an empty cache: in torch's kernels, and in ours where this machine has them."""
    found: Network = request.getfixturevalue(request.param).network
    found.encoder_cache = EncoderCache(ROOM)
    yield found
    found.encoder_cache = EncoderCache(0)


def _clip(wave: reference.Wave, seconds: float | None = None) -> Clip:
    return make_clip(wave if seconds is None else wave[: round(seconds * 16_000)], window_frames=WINDOW)


def _fading(seconds: float, seed: int = 0) -> reference.Wave:
    """Loudest in its first five seconds."""
    wave = reference.wave(seconds, seed)
    wave[80_000:] *= 0.2
    return wave


def _computed(network: Network, clips: list[Clip]) -> Tensor:
    return torch.cat(network.encode(network.features(clips).clips))


def _check(network: Network, clips: list[Clip]) -> None:
    """What the cache gives is what computing gives, bit for bit or within rounding."""
    heard, expected = network.hear(clips), _computed(network, clips)
    if network.language_model.cache_dtype == torch.bfloat16:
        assert torch.equal(heard, expected)
    else:
        assert (heard - expected).abs().max() <= 1e-5


@pytest.mark.slow
def test_a_window_that_comes_again_is_found(network: Network) -> None:
    """Two full windows and a tail: computed, then found, with the same result; the tail is always computed."""
    clip = _clip(reference.wave(20.0))
    cache = network.encoder_cache
    _check(network, [clip])
    assert (cache.hits, cache.misses) == (0, 2)
    _check(network, [clip])
    assert (cache.hits, cache.misses) == (2, 2)


@pytest.mark.slow
def test_a_clip_of_full_windows_alone_needs_no_encoder(network: Network) -> None:
    """The second time there is nothing to compute."""
    clip = _clip(reference.wave(16.0))
    for _ in range(2):
        _check(network, [clip])
    assert network.encoder_cache.hits == 2


@pytest.mark.slow
def test_of_a_growing_clip_only_new_windows_are_computed(network: Network) -> None:
    """A live client sends all that it has so far; nothing louder came since the beginning."""
    wave, cache = _fading(25.0), network.encoder_cache
    counts = []
    for seconds in (8.1, 16.1, 24.1):
        _check(network, [_clip(wave, seconds)])
        counts.append((cache.hits, cache.misses))
    assert counts == [(0, 1), (1, 2), (3, 3)]


@pytest.mark.slow
def test_a_window_that_ended_with_its_clip_is_another_when_the_clip_goes_on(network: Network) -> None:
    """Its last frame looked into the mirror; the windows before it are found."""
    wave, cache = _fading(24.0), network.encoder_cache
    counts = []
    for seconds in (8.0, 16.0, 24.0):
        _check(network, [_clip(wave, seconds)])
        counts.append((cache.hits, cache.misses))
    assert counts == [(0, 1), (0, 3), (1, 5)]


@pytest.mark.slow
def test_something_louder_at_the_end_makes_all_windows_new(network: Network) -> None:
    """It lifts the floor under the whole clip; what was kept with the lower floor would be wrong."""
    quiet, cache = _fading(17.0), network.encoder_cache
    loud = quiet.copy()
    loud[-8000:] = 0.9 * np.sin(np.arange(8000) / 3)
    before, after = (network.features([_clip(wave)]).clips[0][:, :WINDOW] for wave in (quiet, loud))
    assert not torch.equal(before, after)
    for wave in (quiet, loud):
        _check(network, [_clip(wave)])
    assert (cache.hits, cache.misses) == (0, 4)


@pytest.fixture(scope="module")
def digits() -> Qwen3ASR:
    """The shipped checkpoint, in whichever kernels this machine has for it."""
    return Qwen3ASR.load(Path(str(files("harken"))) / "checkpoints" / "digits")


def _speech(seconds: float) -> reference.Wave:
    """The packaged recordings of digits that are 16 kHz already, in a row."""
    folder = Path(str(files("harken"))) / "samples"
    names = ("english-02.wav", "english-03.flac", "english-05.ogg", "chinese-05.ogg", "chinese-09.mp3")
    spoken = np.concatenate([soundfile.read(folder / name, dtype="float32")[0] for name in names])
    row: reference.Wave = np.resize(spoken, round(seconds * 16_000))
    return row


@pytest.mark.slow
def test_a_live_draft_meets_its_finished_windows_to_the_bit_until_something_louder_comes(digits: Qwen3ASR) -> None:
    """Real speech that grows by half a second: after its loudest moment each window is computed once, and stays.

    Then somebody shouts. The floor of the whole clip rises, so all its windows are other ones: computed anew, as a
    client would have them who sent all at once; from then on these are found.
    """
    network, wave = digits.network, _speech(26.0)
    network.encoder_cache = cache = EncoderCache(ROOM)
    wave[:1000] *= np.float32(0.99 / np.abs(wave[:1000]).max())  # the loudest moment comes first
    wave[8000:] *= np.float32(0.5)
    shout = wave.copy()
    shout[22 * 16_000 : 22 * 16_000 + 4000] = np.sin(np.arange(4000, dtype=np.float32) / 3)
    kept: dict[int, Tensor] = {}
    for end in np.arange(8.25, 26.0, 0.5):
        _check(network, [_clip(wave, end)])
        heard = network.hear([_clip(wave, end)])
        for place in range(int(end // 8)):
            window = heard[104 * place : 104 * (place + 1)]
            assert torch.equal(window, kept.setdefault(place, window)), f"window {place} at {end} s"
    assert cache.misses == 3
    found = cache.hits
    for end in (22.5, 23.0):
        clip = _clip(shout, end)
        _check(network, [clip])
        fresh, louder = network.hear([clip]), network.hear([clip])[:208]
        assert torch.equal(fresh[:208], louder)
        assert not torch.equal(louder, torch.cat([kept[0], kept[1]]))
    assert (cache.misses, cache.hits) == (3 + 2, found + 2 * 6 - 2)
    network.encoder_cache = EncoderCache(0)


@pytest.mark.parametrize("place", [0, 64_000, 127_999, 128_030])
def test_one_sample_makes_another_window(network: Network, place: int) -> None:
    """Anywhere in it, and just behind it, where its last frame still looks."""
    wave, cache = _fading(8.5), network.encoder_cache
    _check(network, [_clip(wave)])
    wave[place] += np.float32(1e-3)
    _check(network, [_clip(wave)])
    assert (cache.hits, cache.misses) == (0, 2)


def test_a_sample_that_a_window_does_not_look_at_changes_nothing(network: Network) -> None:
    """The next window begins to be heard 2.5 ms behind the border."""
    wave, cache = _fading(8.5), network.encoder_cache
    _check(network, [_clip(wave)])
    wave[128_040] += np.float32(1e-3)
    _check(network, [_clip(wave)])
    assert (cache.hits, cache.misses) == (1, 1)


@pytest.mark.slow
def test_a_batch_with_some_hits_gives_each_clip_its_own(network: Network) -> None:
    """Known and new windows, tails, a clip twice, one that is too short for a window."""
    first, second = _fading(25.0, 1), _fading(30.0, 2)
    cache = network.encoder_cache
    _check(network, [_clip(first, 17.0), _clip(second, 9.0)])
    assert (cache.hits, cache.misses) == (0, 3)
    batch = [_clip(second), _clip(reference.wave(0.3)), _clip(first), _clip(second), _clip(reference.wave(8.2, 3))]
    _check(network, batch)
    assert (cache.hits, cache.misses) == (4, 9)
    _check(network, batch[::-1])
    assert (cache.hits, cache.misses) == (14, 9)


def test_without_a_cache_nothing_is_digested_or_kept(ours: Qwen3ASR) -> None:
    """Which is how a network comes, until an instance asks for one."""
    prompt = ours.prompt(reference.wave(9.0), Options())
    assert prompt.clip.digests == ()
    ours.network.hear([prompt.clip])
    cache = ours.network.encoder_cache
    assert (cache.is_on, cache.kept_bytes, cache.misses) == (False, 0, 0)


def test_a_loaded_model_names_the_windows_of_its_prompts(hf_folder: Path) -> None:
    """One digest for each full window, beside the thread that owns the model."""
    model = Qwen3ASR.load(hf_folder, encoder_cache_bytes=ROOM)
    digests = model.prompt(reference.wave(25.0), Options()).clip.digests
    assert len(set(digests)) == 3
    cache = model.open_cache(slots=1, max_tokens=400)
    prompt = model.prompt(reference.wave(9.0), Options())
    first, second = (model.prefill(cache, [prompt], [0]).tokens for _ in range(2))
    assert first == second
    assert (model.network.encoder_cache.hits, model.network.encoder_cache.misses) == (1, 1)


def _window(name: int) -> Window:
    return Window(features=torch.full((4, 8), float(name)), key=WindowKey(bytes([name]), 0.0))


def _encode(features: Sequence[Tensor]) -> list[Tensor]:
    """Stands in for the encoder: views of one tensor, as the real one gives."""
    return list(torch.stack([part[0] for part in features]).unbind())


def test_what_was_used_longest_ago_goes_first() -> None:
    """Room for two windows of eight numbers: a third one takes the place of the one that nobody asked for."""
    cache = EncoderCache(2 * 32)
    for name in (1, 2, 1, 3):
        cache.encode([_window(name)], _encode)
    assert (cache.hits, cache.misses, cache.kept_bytes) == (1, 3, 64)
    cache.encode([_window(1), _window(3)], _encode)
    assert cache.hits == 3
    cache.encode([_window(2)], _encode)
    assert (cache.hits, cache.misses) == (3, 4)


def test_the_bound_holds_whatever_comes_in_one_batch() -> None:
    """Also where a batch is larger than the cache, or a window is; results are whole all the same."""
    for room, kept in ((31, 0), (32, 32), (100, 96), (320, 320), (1000, 320)):
        cache = EncoderCache(room)
        found = cache.encode([_window(name) for name in range(10)], _encode)
        assert [float(tokens[0]) for tokens in found] == list(range(10))
        assert cache.kept_bytes == kept <= room


def test_what_is_kept_does_not_keep_its_batch_alive() -> None:
    """Otherwise one window of each batch would hold the memory of all."""
    cache = EncoderCache(320)
    cache.encode([_window(name) for name in range(10)], _encode)
    (again,) = cache.encode([_window(3)], _encode)
    assert again.untyped_storage().nbytes() == 32


def test_a_window_without_a_key_is_always_computed() -> None:
    """Tails of clips are, and count for nothing."""
    cache = EncoderCache(320)
    for _ in range(2):
        cache.encode([Window(features=torch.zeros(4, 8), key=None)], _encode)
    assert (cache.hits, cache.misses, cache.kept_bytes) == (0, 0, 0)
