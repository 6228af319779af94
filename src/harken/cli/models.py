"""`harken models …`: what was pulled, whether it is still whole, and getting rid of it.

It looks at the folder of models alone: neither at the hub's cache nor at folders of other people's. The invariant:
nothing is deleted that `harken pull` did not make, nor what a pull is at work on.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import typer
from rich.markup import escape
from rich.table import Table

from harken.cli.harmless import printable_json
from harken.cli.model_lines import bytes_freed, fields_of, lines_of
from harken.cli.screen import Screen
from harken.errors import ConfigError, HarkenError
from harken.models.hashing import digests_of
from harken.models.lock import try_lock
from harken.models.names import MANIFEST, Spec, wanted_spec
from harken.models.store import ModelStore, Partial, Stored, note_verified, size_of

_LEAST_WIDTH = 120
_SHORT = 12


class NoSuchModel(HarkenError):
    """Not among the models that were pulled."""

    code = "no_such_model"
    default = "That model was not pulled to this machine."


class ModelBusy(HarkenError):
    """A pull is at work on it, or it cannot be deleted."""

    code = "model_busy"
    default = "That model is being pulled."


def print_list(store: ModelStore, *, as_json: bool) -> None:
    """Show what is here."""
    lines = lines_of(store)
    if as_json:
        print(printable_json([fields_of(line) for line in lines], indent=2))
        return
    if not lines:
        print(f"No models in {store.folder}; `harken pull Qwen/Qwen3-ASR-1.7B` fetches one.")
        return
    table = Table(box=None, header_style="dim")
    for column in ("model", "revision", "size", "state", "verified", "from"):
        table.add_column(column, overflow="fold", no_wrap=column not in ("model", "from"))
    colours = {"complete": "green", "damaged": "red", "partial": "yellow"}
    for line in lines:
        refs = ", ".join(ref for ref in line.refs if ref)
        table.add_row(
            escape(line.name) + (" [dim](default)[/]" if line.is_default else ""),
            escape(line.revision[:_SHORT] + (f" ({refs})" if refs else "")),
            f"{line.bytes / 1e6:,.1f} MB",
            f"[{colours[line.state]}]{line.state}[/]",
            line.verified_at.replace("T", " ").removesuffix("Z")[:16],
            escape(line.source),
        )
    # A narrower terminal breaks whole lines, not each word of them.
    Screen(width=max(Screen().width, _LEAST_WIDTH)).print(table)


def verify(store: ModelStore, model: str | None, *, as_json: bool) -> int:
    """Hash files; the exit code is 1 where one is wrong.

    Raises:
        NoSuchModel: nothing of that name was pulled.
    """
    spec = None if model is None else wanted_spec(model)
    chosen = store.all() if spec is None else _named(store.revisions(spec.name), spec)
    lost = [one for one in store.damaged() if spec is None or _is_lost(one, spec)]
    if spec is not None and not chosen and not lost:
        raise NoSuchModel(f"{spec} is not among the pulled models in {store.folder}; `harken models` lists them.")
    reports = []
    for one in chosen:
        wrong = _wrong_files(one)
        if not wrong:
            note_verified(one, datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"))
        reports.append({"name": one.name, "revision": one.revision, "damaged": wrong})
        if not as_json:
            _print_verdict(one, wrong)
    for left in lost:
        reports.append({"name": left.name, "revision": left.revision, "damaged": [MANIFEST]})
        if not as_json:
            _print_lost(left)
    if as_json:
        print(printable_json(reports, indent=2))
    elif not reports:
        print(f"No models in {store.folder}.")
    return 1 if any(report["damaged"] for report in reports) else 0


def remove(store: ModelStore, model: str, *, is_sure: bool) -> None:
    """Delete a model, after asking.

    Raises:
        NoSuchModel: nothing of that name was pulled.
        ModelBusy: a pull is at work on it.
        ConfigError: there is nobody to ask.
    """
    spec = _spec_of(model)
    store.sweep(spec.name)
    doomed: list[Stored | Partial] = [*_named(store.revisions(spec.name), spec)]
    doomed += [one for one in (*store.damaged(), *store.partials()) if _is_lost(one, spec)]
    if not doomed:
        raise NoSuchModel(f"{model} is not among the pulled models in {store.folder}; `harken models` lists them.")
    folders = [one.folder for one in doomed]
    freed = sum(bytes_freed(folder) for folder in folders)
    for folder in folders:
        print(folder)
    if not is_sure:
        if not sys.stdin.isatty():
            raise ConfigError("There is nobody to ask whether to delete this; --yes says so.")
        if not typer.confirm(f"Delete {'these' if len(folders) > 1 else 'this'} and free {freed / 1e6:,.1f} MB?"):
            print("Nothing was deleted.")
            return
    for one in doomed:
        _delete(store, one)
    print(f"Deleted; {freed / 1e6:,.1f} MB are free again.")


def _delete(store: ModelStore, one: Stored | Partial) -> None:
    name, revision = (
        (one.name, one.revision) if isinstance(one, Partial) else (one.manifest.name, one.manifest.revision)
    )
    try:
        with try_lock(store.lock_of(name, revision)) as is_taken:
            if not is_taken:
                raise ModelBusy(f"Revision {revision[:_SHORT]} of {name} is being pulled; it was not deleted.")
            store.remove(name, one.folder)
    except OSError as error:
        raise ModelBusy(f"{one.folder} cannot be deleted: {error.strerror or error}.") from error


def _spec_of(model: str) -> Spec:
    try:
        return wanted_spec(model)
    except ConfigError as error:
        raise NoSuchModel(f"{model[:200]!r} is no pulled model; only what `harken pull` fetched is deleted.") from error


def _is_lost(one: Partial, spec: Spec) -> bool:
    return one.name == spec.name and _is_meant(one.revision, (), spec)


def _named(revisions: list[Stored], spec: Spec) -> list[Stored]:
    return [one for one in revisions if _is_meant(one.revision, one.refs, spec)]


def _is_meant(revision: str, refs: tuple[str, ...], spec: Spec) -> bool:
    wanted = spec.revision
    return wanted is None or wanted in refs or (len(wanted) >= 7 and revision.startswith(wanted))


def _wrong_files(one: Stored) -> list[str]:
    wrong = []
    for file in one.manifest.files:
        path = one.folder / file.name
        try:
            is_right = size_of(path) == file.size and digests_of(path).sha256 == file.sha256
        except OSError:
            is_right = False
        if not is_right:
            wrong.append(file.name)
    return wrong


def _print_verdict(one: Stored, wrong: list[str]) -> None:
    manifest = one.manifest
    title = f"{manifest.name}, revision {manifest.revision[:_SHORT]}"
    if not wrong:
        print(f"{title}: {len(manifest.files)} files are right.")
        return
    print(f"{title}: damaged or missing: {', '.join(wrong)}")
    source = "" if "huggingface.co" in manifest.source else f" --from {manifest.source}"
    print(f"  harken pull {manifest.name} --revision {manifest.revision} --recheck{source} mends it.")


def _print_lost(one: Partial) -> None:
    print(f"{one.name}, revision {one.revision[:_SHORT]}: damaged or missing: {MANIFEST}")
    print(f"  harken pull {one.name} --revision {one.revision} mends it (with --from, if it came from elsewhere).")
