"""The way in to OpenAI's realtime API: what a client may put into its handshake.

Owns also the session as each client last wished it, kept for a while for one that comes back. The invariant: only
transcription is offered, and whoever wants something else learns so before he is let in.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import Scope

from harken.api.live.ear import Ear
from harken.api.live.openai_events import Form, Telling
from harken.api.live.openai_session import Wanted
from harken.api.live.openai_talk import Kept, OpenAITalk
from harken.api.live.query import read_return
from harken.api.live.service import Session
from harken.api.live.tongue import Call, Tongue
from harken.api.live.wishes import refuse_unknown
from harken.audio.pcm import PcmStream
from harken.errors import UnsupportedOption
from harken.types import ModelInfo

FIELDS = ("intent", "model", "session", "after")
"""All that may be in the query."""

_REMEMBERED = 2000
"""Sessions whose wishes are remembered; more than may be open."""

_BETA_HEADER = ("openai-beta", "realtime=v1")
_BETA_PROTOCOL = "openai-beta.realtime-v1"
"""How a client says that it speaks the API as it was before."""


class OpenAIDoor:
    """Of one server."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def read(self, scope: Scope, query: Mapping[str, str], served: ModelInfo) -> Call:
        """Understand a handshake.

        Raises:
            HarkenError: the client's: a name or a value that cannot be honoured.
        """
        refuse_unknown(query, FIELDS)
        if query.get("intent") != "transcription":
            raise UnsupportedOption(
                "Only transcription is offered: connect with ?intent=transcription.", field="intent"
            )
        back, form = read_return(query), _form_of(scope)
        wanted = Wanted(model=query.get("model", ""))
        if back is not None and (kept := self._kept.get(back.session)) is not None:
            wanted, form = kept.wanted, kept.form
        settings = wanted.settings(served, "")

        def speak(session: Session, ear: Ear) -> Tongue:
            telling = Telling(session.id, form, back.after if back else 0)
            return OpenAITalk(session, ear, telling, wanted=wanted, served=served, remember=self._remember)

        return Call(pcm=PcmStream(wanted.encoding, wanted.rate), settings=settings, back=back, speak=speak)

    def _remember(self, session: str, kept: Kept) -> None:
        self._kept[session] = kept
        self._kept.move_to_end(session)
        while len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)


def _form_of(scope: Scope) -> Form:
    name, value = _BETA_HEADER
    is_beta = value in Headers(scope=scope).get(name, "") or _BETA_PROTOCOL in scope["subprotocols"]
    return Form.BETA if is_beta else Form.TODAY
