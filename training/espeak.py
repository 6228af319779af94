"""espeak-ng as a function: text in, samples and word starts out.

Owns the one `libespeak-ng` instance of this process (the library keeps global state, so there is
never more than one). Calling the library costs about a hundredth of starting the program for every
string, and it tells where each word begins, which the training-only heads need. Knows nothing of
digits, voices worth choosing, or what happens to the samples afterwards.

Invariant: words and their times depend on the arguments of `speak` alone. The samples do not quite:
espeak-ng carries the phases of its oscillators from call to call, so only an equal sequence of calls
gives equal samples.
"""

import ctypes
import ctypes.util
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_SYNCHRONOUS = 2
_RATE, _VOLUME, _PITCH, _RANGE, _WORD_GAP = 1, 2, 3, 4, 7
_EVENT_END, _EVENT_WORD = 0, 1
_POSITION_CHARACTER = 1
_UTF8 = 1


class EspeakError(RuntimeError):
    """espeak-ng is missing, or refused a voice or a text."""


class _Event(ctypes.Structure):
    """`espeak_EVENT` of speak_lib.h."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    ]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a text is spoken: voice name with variant (`en-us+f3`), words per minute, pitch 0-99,
    pitch range 0-99, extra pause between words in units of 10 ms.
    """

    voice: str
    speed_wpm: int
    pitch: int = 50
    pitch_range: int = 50
    word_gap: int = 0


@dataclass(frozen=True, kw_only=True)
class Speech:
    """Samples in [-1, 1] (mono float32 at `rate_hz`) and the sample where each word begins."""

    samples: npt.NDArray[np.float32]
    rate_hz: int
    word_starts: tuple[int, ...]


class Espeak:
    """The synthesiser; `open()` before the first `speak`."""

    def __init__(self, library: str = "libespeak-ng.so.1") -> None:
        self._library = library
        self._lib: ctypes.CDLL | None = None
        self._callback: Callable[..., int] | None = None
        self._rate_hz = 0
        self._voice = ""
        self._pieces: list[npt.NDArray[np.int16]] = []
        self._starts: list[tuple[int, int]] = []

    def open(self) -> None:
        """Load the library and its data; raises EspeakError where it is not installed."""
        try:
            lib = ctypes.CDLL(self._library)
        except OSError as error:
            raise EspeakError(f"cannot load {self._library}; install espeak-ng: {error}") from error
        self._rate_hz = lib.espeak_Initialize(_SYNCHRONOUS, 0, None, 0)
        if self._rate_hz <= 0:
            raise EspeakError("espeak_Initialize failed; is espeak-ng-data installed?")
        self._callback = _CALLBACK(self._receive)
        lib.espeak_SetSynthCallback(self._callback)
        self._lib = lib

    def speak(self, text: str, manner: Manner) -> Speech:
        """Synthesise `text`; raises EspeakError for an unknown voice."""
        if self._lib is None:
            self.open()
        lib = self._lib
        assert lib is not None
        if manner.voice != self._voice:
            if lib.espeak_SetVoiceByName(manner.voice.encode()) != 0:
                raise EspeakError(f"no such voice: {manner.voice}")
            self._voice = manner.voice
        # Choosing a voice resets some parameters, so all are set for every text.
        for number, value in (
            (_RATE, manner.speed_wpm),
            (_VOLUME, 90),
            (_PITCH, manner.pitch),
            (_RANGE, manner.pitch_range),
            (_WORD_GAP, manner.word_gap),
        ):
            lib.espeak_SetParameter(number, value, 0)
        self._pieces, self._starts = [], []
        data = text.encode() + b"\0"
        code = lib.espeak_Synth(data, len(data), 0, _POSITION_CHARACTER, 0, _UTF8, None, None)
        if code != 0:
            raise EspeakError(f"espeak_Synth answered {code} for {text!r}")
        return self._speech()

    def _speech(self) -> Speech:
        joined = np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.int16)
        starts = [sample for _, sample in sorted(set(self._starts))]
        return Speech(samples=joined.astype(np.float32) / 32768.0, rate_hz=self._rate_hz, word_starts=tuple(starts))

    def _receive(
        self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: "ctypes._Pointer[_Event]"
    ) -> int:
        if samples and count > 0:
            self._pieces.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
        index = 0
        while events and events[index].type != _EVENT_END:
            if events[index].type == _EVENT_WORD:
                self._starts.append((events[index].text_position, events[index].sample))
            index += 1
        return 0
