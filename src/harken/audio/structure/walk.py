"""The table of walkers: which one knows which format.

For formats without an entry (VOC, AC-3, Monkey's Audio, TTA) a cut file is noticed only where the decoder notices it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harken.audio.container import Container
from harken.audio.structure.asf import walk_asf, walk_flv
from harken.audio.structure.facts import Facts
from harken.audio.structure.flac import walk_flac
from harken.audio.structure.frames import walk_amr
from harken.audio.structure.matroska import walk_matroska
from harken.audio.structure.mp4 import walk_mp4
from harken.audio.structure.mpeg import walk_adts, walk_mp3
from harken.audio.structure.ogg import walk_ogg
from harken.audio.structure.riff import walk_aiff, walk_au, walk_avi, walk_caf, walk_w64, walk_wav
from harken.audio.structure.systems import walk_ps, walk_ts, walk_wavpack
from harken.audio.view import Bytes

WALKERS: Final[dict[Container, Callable[[Bytes], Facts]]] = {
    Container.WAV: walk_wav,
    Container.W64: walk_w64,
    Container.AIFF: walk_aiff,
    Container.AU: walk_au,
    Container.CAF: walk_caf,
    Container.FLAC: walk_flac,
    Container.OGG: walk_ogg,
    Container.MP3: walk_mp3,
    Container.ADTS: walk_adts,
    Container.AMR: walk_amr,
    Container.MP4: walk_mp4,
    Container.MATROSKA: walk_matroska,
    Container.ASF: walk_asf,
    Container.AVI: walk_avi,
    Container.FLV: walk_flv,
    Container.MPEG_TS: walk_ts,
    Container.MPEG_PS: walk_ps,
    Container.WAVPACK: walk_wavpack,
}


def walk(container: Container, data: Bytes) -> Facts:
    """Walk a file's skeleton.

    Raises:
        TruncatedAudio: it ends before its audio does.
        UndecodableAudio: it is damaged.
        EmptyAudio: it says itself that it holds nothing.
    """
    walker = WALKERS.get(container)
    return walker(data) if walker is not None else Facts()
