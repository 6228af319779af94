"""Which place `--from` means, and which secret goes there.

A word (`huggingface`, `modelscope`), an address, or a word and an address with a colon between. Of a bare address it is
found out what is there: another Harken, a mirror of the hub, or a plain folder. The invariant: HF_TOKEN goes to the hub
(or to HF_ENDPOINT) alone; another place gets a token only where `--token-env` names one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from harken.errors import ConfigError
from harken.ops.pull.failures import PullFailed
from harken.ops.pull.files import Listing, Source
from harken.ops.pull.secret import Secret
from harken.ops.pull.sources import huggingface, modelscope
from harken.ops.pull.sources.asking import Asking
from harken.ops.pull.sources.folder import Folder
from harken.ops.pull.sources.gateway import KEY, Gateway
from harken.ops.pull.sources.huggingface import HuggingFace
from harken.ops.pull.sources.modelscope import ModelScope
from harken.ops.pull.web import Web, public

KINDS = ("huggingface", "modelscope", "folder", "harken")
MODELSCOPE_ENDPOINT = "MODELSCOPE_ENDPOINT"


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """What `--from` and `--token-env` say.

    Attributes:
        kind: one of `KINDS`; "" for whatever is at the address.
        address: an HTTP address.
        secret: for that address; None for none.
        key: of a Harken, in case one is there.
    """

    kind: str
    address: str
    secret: Secret | None
    key: str


def parse_origin(text: str, token_env: str, env: Mapping[str, str]) -> Origin:
    """Read the two flags; pure.

    Raises:
        ConfigError: they name no place, or a variable that is not set.
    """
    word, colon, rest = text.partition(":")
    kind = word if word in KINDS else ""
    usual = {
        "huggingface": env.get("HF_ENDPOINT") or huggingface.ENDPOINT,
        "modelscope": env.get(MODELSCOPE_ENDPOINT) or modelscope.ENDPOINT,
    }
    address = (rest if colon else usual.get(kind, "")) if kind else text
    if not is_address(address):
        shown = public(text) if "@" in text or "?" in text else text
        raise ConfigError(
            f"--from wants huggingface, modelscope, or an address such as https://mirror.example or "
            f"http://gateway:7860, not {shown[:200]!r}."
        )
    secret = None
    if token_env:
        if not env.get(token_env):
            raise ConfigError(f"--token-env names {token_env}, which is not set.")
        secret = Secret(url=address, value=env[token_env].strip(), what=token_env)
    elif kind == "huggingface" and not rest and env.get(huggingface.TOKEN, "").strip():
        secret = Secret(url=address, value=env[huggingface.TOKEN].strip(), what=huggingface.TOKEN)
    return Origin(kind=kind, address=address, secret=secret, key=env.get(KEY, "").strip())


def is_address(text: str) -> bool:
    """Whether it is the address of something on the web."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class Chosen:
    """See `files.Source`: whatever the origin means; asks what is there only where it was not said.

    Args:
        asking: asks it.
        origin: where.
        token_name: the variable in which people have to put a token.
    """

    def __init__(self, asking: Asking, origin: Origin, *, token_name: str = huggingface.TOKEN) -> None:
        self._asking = asking
        self._origin = origin
        self._token_name = token_name

    @property
    def web(self) -> Web:
        """What fetches the files, with the secret that this place turned out to need."""
        return self._asking.web

    async def listing(self, name: str, revision: str | None) -> Listing:
        """See `files.Source`."""
        origin = self._origin
        hub = HuggingFace(self._asking, origin.address, token_name=self._token_name)
        if origin.kind == "harken":
            return await self._of_gateway(name, revision)
        sources: dict[str, Source] = {
            "huggingface": hub,
            "modelscope": ModelScope(self._asking, origin.address),
            "folder": Folder(self._asking, origin.address),
        }
        if origin.kind:
            return await sources[origin.kind].listing(name, revision)
        found = await self._looked_for_gateway(name, revision)
        if found is None:
            found = hub.read(await self._asking.ask(hub.address_of(name, revision)), name, revision)
        if found is not None:
            return found
        try:
            return await sources["folder"].listing(name, revision)
        except PullFailed as failure:
            raise PullFailed(
                f"Neither another Harken nor a mirror of the hub is at {public(origin.address)}, nor a folder with "
                f"{name}: {failure.message}"
            ) from failure

    async def _of_gateway(self, name: str, revision: str | None) -> Listing:
        gateway = Gateway(self._asking, self._origin.address, key=self._origin.key)
        found = await gateway.listing(name, revision)
        self._asking = gateway.asking
        return found

    async def _looked_for_gateway(self, name: str, revision: str | None) -> Listing | None:
        gateway = Gateway(self._asking, self._origin.address, key=self._origin.key)
        found = await gateway.look(name, revision)
        if found is not None:
            self._asking = gateway.asking
        return found
