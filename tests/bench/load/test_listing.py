"""Which recordings a person means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harken.bench.load.listing import Listed, listed
from harken.errors import ConfigError


def test_a_folder_is_searched_for_recordings_by_their_suffixes(tmp_path: Path) -> None:
    """Folders in it too, in the order of their names; what is something else is left alone."""
    (tmp_path / "b").mkdir()
    for name in ("z.WAV", "b/a.mp3", "notes.txt", "c.flac"):
        (tmp_path / name).touch()
    assert [one.path for one in listed([tmp_path])] == [tmp_path / name for name in ("b/a.mp3", "c.flac", "z.WAV")]


@pytest.mark.parametrize(
    "row",
    [
        {"audio_filepath": "a.wav", "text": "hello", "lang": "en", "duration": 3.5},
        {"audio": {"path": "a.wav", "bytes": None}, "sentence": "hello", "language": "English"},
        {"file": "a.wav", "transcript": "hello", "locale": "en-US"},
        {"file_name": "a.wav", "transcription": "hello", "language": "english"},
    ],
)
def test_manifests_of_all_usual_kinds_are_read(tmp_path: Path, row: dict[str, object]) -> None:
    """JSON lines, or an array; paths are relative to the manifest, languages by name or code."""
    for text in (json.dumps(row) + "\n\n", json.dumps([row])):
        manifest = tmp_path / "m.jsonl"
        manifest.write_text(text, encoding="utf-8")
        (one,) = listed([manifest])
        assert (one.path, one.text, one.language) == (tmp_path / "a.wav", "hello", "English")


def test_a_text_that_is_empty_says_that_nothing_is_said(tmp_path: Path) -> None:
    """In JSON; an empty cell of a table says nothing."""
    (tmp_path / "m.json").write_text('{"audio": "a.wav", "text": ""}', encoding="utf-8")
    (tmp_path / "m.csv").write_text("file,text\na.wav,\n", encoding="utf-8")
    assert [one.text for one in listed([tmp_path / "m.json", tmp_path / "m.csv"])] == ["", None]


def test_tables_of_common_voice_are_read(tmp_path: Path) -> None:
    """By tabs, with quotation marks that open nothing, and files in a folder that nobody names."""
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.mp3").touch()
    text = 'client_id\tpath\tsentence\tlocale\nx\ta.mp3\t"Hello, he said.\tde\n'
    (tmp_path / "test.tsv").write_text(text, encoding="utf-8-sig")
    expected = Listed(path=tmp_path / "clips" / "a.mp3", text='"Hello, he said.', language="German")
    assert listed([tmp_path / "test.tsv"]) == [expected]


def test_a_part_of_a_file_has_its_place(tmp_path: Path) -> None:
    """As NeMo cuts long recordings; numbers may be text."""
    (tmp_path / "m.jsonl").write_text('{"audio_filepath": "a.wav", "offset": 1.5, "duration": "2"}', encoding="utf-8")
    (one,) = listed([tmp_path / "m.jsonl"])
    assert (one.offset_s, one.duration_s) == (1.5, 2.0)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("m.jsonl", '{"audio": "a.wav"}\n{"audio', "m.jsonl, line 2: is not JSON"),
        ("m.jsonl", "[" * 100_000, "line 1: is not JSON"),
        ("m.jsonl", '{"text": "a"}', "line 1: names no recording"),
        ("m.jsonl", '{"audio": "a\\u0000"}', "line 1: names no recording"),
        ("m.jsonl", "3", "line 1: is no object"),
        ("m.json", "[3]", "line 1: is no object"),
        ("m.jsonl", '{"audio": "a.wav", "offset": -1}', "offset must be seconds, not '-1'"),
        ("m.jsonl", '{"audio": "a.wav", "duration": "nan"}', "duration must be seconds"),
        ("m.jsonl", "", "there is no recording in it"),
        ("m.csv", "file,text\n", "there is no recording in it"),
        ("m.csv", "name\na.wav\n", "line 2: names no recording"),
        ("m.tsv", "path\n\xff", "is no text in UTF-8"),
    ],
)
def test_what_cannot_be_understood_is_said_with_its_line(tmp_path: Path, name: str, text: str, words: str) -> None:
    """Never a recording less."""
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        listed([tmp_path / name])
    assert words in caught.value.message and name in caught.value.message


def test_a_folder_without_recordings_is_an_error(tmp_path: Path) -> None:
    """So is one that is not there, once it is read as a manifest."""
    with pytest.raises(ConfigError, match="there is no recording in it"):
        listed([tmp_path])
    with pytest.raises(ConfigError, match="cannot be read"):
        listed([tmp_path / "nowhere.jsonl"])
