"""Which espeak-ng voices and speeds are trained on, and which are kept for the test.

One table for both sides, so that a held-out voice cannot slip into training: `HELD_OUT_VARIANTS`
and the speed bands `HELD_OUT_SPEEDS` are only ever used by `evaluate.py` and the samples.
Mandarin uses `cmn-latn-pinyin`: plain `cmn` of espeak-ng 1.51 reads digits as "ling two".
"""

import random

from training.espeak import Manner

ENGLISH_ACCENTS = (
    "en", "en-us", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-rp", "en-gb-x-gbcwmd", "en-029", "en-us-nyc",
)  # fmt: skip
MANDARIN_ACCENTS = ("cmn-latn-pinyin",)

HELD_OUT_VARIANTS = (
    "f4", "m5", "Alicia", "Gene2", "Mike", "steph2", "iven3", "robosoft5", "klatt4", "linda", "ed", "grandpa",
    "Jacky", "rob", "pedro",
)  # fmt: skip
TRAINED_VARIANTS = (
    "", "f1", "f2", "f3", "f5", "m1", "m2", "m3", "m4", "m6", "m7", "m8", "klatt", "klatt2", "klatt3", "klatt5",
    "klatt6", "Alex", "Andrea", "Andy", "Annie", "AnxiousAndy", "Demonic", "Denis", "Diogo", "Gene", "Henrique",
    "Hugo", "Lee", "Marco", "Mario", "Michael", "Nguyen", "RicishayMax", "RicishayMax2", "RicishayMax3", "Storm",
    "Tweaky", "UniRobot", "adam", "anika", "anikaRobot", "announcer", "antonio", "aunty", "belinda", "benjamin",
    "boris", "caleb", "croak", "david", "edward", "edward2", "grandma", "gustave", "iven", "iven2", "iven4",
    "john", "kaukovalta", "marcelo", "max", "michel", "miguel", "norbert", "pablo", "paul", "quincy", "robert",
    "robosoft", "robosoft2", "robosoft3", "robosoft4", "robosoft6", "robosoft7", "robosoft8", "sandro", "shelby",
    "steph", "steph3", "travis", "victor", "whisper", "whisperf", "zac",
)  # fmt: skip
_PLAIN_VARIANTS = TRAINED_VARIANTS[:17]

# Words per minute. The gaps between the trained bands are the held-out speeds.
TRAINED_SPEEDS = ((85, 134), (149, 179), (194, 300))
HELD_OUT_SPEEDS = ((138, 145), (183, 190))


def trained_manner(rng: random.Random, language: str) -> Manner:
    """A random manner of speaking that training may use."""
    band = rng.choices(TRAINED_SPEEDS, (3, 3, 3))[0]
    # The plain variants are what most people choose, so half of the draws are theirs.
    variants = _PLAIN_VARIANTS if rng.random() < 0.4 else TRAINED_VARIANTS
    pitch = rng.randint(10, 90) if rng.random() < 0.7 else 50
    return Manner(
        voice=_voice(rng, language, rng.choice(variants)),
        speed_wpm=rng.randint(*band) if rng.random() < 0.85 else 175,
        pitch=pitch,
        pitch_range=rng.choice((50, 50, rng.randint(0, 99))),
        word_gap=rng.choice((0, 0, 0, rng.randint(1, 6), rng.randint(5, 40))),
    )


def held_out_manner(rng: random.Random, language: str) -> Manner:
    """A random manner whose variant and speed were never trained on."""
    band = rng.choice(HELD_OUT_SPEEDS)
    return Manner(
        voice=_voice(rng, language, rng.choice(HELD_OUT_VARIANTS)),
        speed_wpm=rng.randint(*band),
        pitch=rng.randint(20, 80),
        word_gap=rng.choice((0, 0, 0, rng.randint(1, 5))),
    )


def _voice(rng: random.Random, language: str, variant: str) -> str:
    accent = rng.choice(ENGLISH_ACCENTS if language == "English" else MANDARIN_ACCENTS)
    return f"{accent}+{variant}" if variant else accent
