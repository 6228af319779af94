"""The flags of `harken pull`; what it shows is in `pull`, what it does in `harken.ops.pull`."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from harken.cli.flags import Ca, ConfigFile, Settings
from harken.errors import ConfigError

_HUB = "huggingface"


def pull(
    model: Annotated[str, typer.Argument(help="A name such as Qwen/Qwen3-ASR-1.7B.", metavar="MODEL[@REVISION]")],
    source: Annotated[
        str, typer.Option("--from", help="huggingface, modelscope, or an address: a mirror's, or another Harken's.")
    ] = _HUB,
    revision: Annotated[str | None, typer.Option(help="A branch, a tag or a commit.")] = None,
    connections: Annotated[int, typer.Option(min=1, max=64, help="Requests at the same time.")] = 8,
    token_env: Annotated[str, typer.Option(help="The variable that holds a token for this place.")] = "",
    recheck: Annotated[
        bool, typer.Option("--recheck", help="Hash what is here already; fetch again what is damaged.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each event.")] = False,
    ca: Ca = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Fetch a model: all of it, checked, or nothing that could be mistaken for it."""
    from harken.cli.app import read_config
    from harken.cli.client import trusting
    from harken.cli.pull import check_is_of_a_hub, run
    from harken.models.names import Spec, is_revision, wanted_spec
    from harken.models.store import open_store
    from harken.ops.pull.pull import Wish
    from harken.ops.pull.sources.choose import parse_origin

    if source == _HUB:
        check_is_of_a_hub(model)
    spec = wanted_spec(model)
    if revision is not None:
        if spec.revision not in (None, revision):
            raise ConfigError(f"{model!r} names another revision than --revision {revision!r}.")
        if not is_revision(revision):
            raise ConfigError(f"--revision {revision[:100]!r} cannot be a branch, a tag or a commit.")
        spec = Spec(name=spec.name, revision=revision)
    origin = parse_origin(source, token_env, os.environ)
    store = open_store(read_config(config, settings).models, os.environ)
    wish = Wish(spec=spec, origin=origin, connections=connections, rechecks=recheck, trust=trusting(ca) if ca else None)
    is_set_here = any(one.partition("=")[0].strip() == "models.folder" for one in settings or ())
    sys.exit(run(wish, store, as_json=as_json, is_folder_set_here=is_set_here))
