"""Results to write out, and how they come about: hand-made pieces, and arbitrary ones."""

from __future__ import annotations

from hypothesis import strategies as st

from harken.transcribe.result import PlacedTranscript, RecordingTranscript
from harken.transcribe.stitch import stitch
from harken.types import Word

ENGLISH = (
    "When I was a young man, I lived in a small town near the sea. Nobody there had ever heard of machines that "
    "listen, and of course nobody missed them! Dr. Smith did, i.e. he said so, but who would have believed him?"
)
CHINESE = (
    "今天天气很好，我们一起去公园散步吧。公园里有很多人，有的在跑步，有的在打太极拳。我喜欢用iPhone拍照，因为很方便。"
)
JAPANESE = (
    "昨日はコンピューターの展示会に行きました。とても面白かったですが、少し疲れましたので、早めに家へ帰りました。"
)
KOREAN = "어제는 친구와 함께 바닷가에 갔습니다. 날씨가 정말 좋아서 오랫동안 걸었고, 저녁에는 맛있는 음식을 먹었어요."
ARABIC = "ذهبت أمس إلى السوق مع صديقي، واشترينا الكثير من الفواكه والخضروات. هل تحب التفاح؟ نعم، أحبه كثيرا."
THAI = "เมื่อวานนี้ฉันไปตลาดกับเพื่อน เราซื้อผลไม้มากมาย แล้วก็กลับบ้านด้วยกันตอนเย็น"


def piece(
    text: str, start_s: float, end_s: float, language: str = "English", words: tuple[Word, ...] | None = None
) -> PlacedTranscript:
    """A piece as the transcriber makes it."""
    return PlacedTranscript(text=text.strip(), language=language, start_s=start_s, end_s=end_s, words=words)


def recording(*pieces: PlacedTranscript, audio_s: float | None = None) -> RecordingTranscript:
    """The pieces as one result."""
    end_s = max((one.end_s for one in pieces), default=0.0)
    has_words = any(one.words is not None for one in pieces)
    return stitch(pieces, end_s if audio_s is None else audio_s, wants_words=has_words)


def timed_words(text: str, start_s: float, word_s: float, pause_s: float = 0.0) -> tuple[Word, ...]:
    """Words as an aligner gives them: without punctuation, each so long, with a pause behind each."""
    found = []
    for word in text.split():
        bare = "".join(character for character in word if character.isalnum() or character == "'")
        found.append(Word(text=bare, start_s=start_s, end_s=start_s + word_s))
        start_s += word_s + pause_s
    return tuple(found)


_texts = st.one_of(
    st.text(max_size=120),
    st.text(alphabet="ab ,.!?<>&-:{}\\\n1好的。，「」ー 👍🏽👨‍👩‍👧🇩🇪שלוםאู́", max_size=150),
    st.sampled_from([ENGLISH, CHINESE, JAPANESE, KOREAN, ARABIC, THAI, "<b>fat</b> --> {\\an8}", "a" * 300]),
    st.lists(st.sampled_from([*ENGLISH.split(), "-->", "<i>", "&amp;", "42"]), max_size=40).map(" ".join),
)


@st.composite
def recordings(draw: st.DrawFn) -> RecordingTranscript:
    """Any result: pieces in order, any text, with words that may or may not fit the text."""
    pieces: list[PlacedTranscript] = []
    now_s = draw(st.sampled_from([0.0, 1.5, 3599.9, 90_000.0]))
    for _ in range(draw(st.integers(0, 3))):
        length_s = draw(st.floats(0, 40))
        text = draw(_texts)
        words = draw(st.sampled_from([None, (), timed_words(text, now_s, 0.3), timed_words(ENGLISH, now_s, 0.0)]))
        pieces.append(piece(text, now_s, now_s + length_s, draw(st.sampled_from(["English", "Chinese"])), words))
        now_s += length_s
    return recording(*pieces)
