"""Distributions that offer engines, written into a folder as pip would: metadata, and a module."""

from __future__ import annotations

from pathlib import Path


def install(folder: Path, package: str, name: str, *, source: str = "", value: str = "") -> None:
    """Write a distribution into a folder of `sys.path`.

    Args:
        folder: where to.
        package: the distribution's name; its module is called the same.
        name: of its engine.
        source: of its module.
        value: where its engine is; "" for `package:Engine`.
    """
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        f"[harken.engines]\n{name} = {value or package + ':Engine'}\n", encoding="utf-8"
    )
    (folder / f"{package}.py").write_text(source, encoding="utf-8")
