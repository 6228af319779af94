"""A configuration that is restored, beside the state folder or in it."""

from __future__ import annotations

import dataclasses
import stat
from pathlib import Path

import pytest

from harken.config import StateConfig
from harken.errors import ConfigError
from harken.ops.backup.config_place import check_config_place
from harken.ops.backup.restoring import Asked, restore
from tests.ops.backup.house import House, everything, furnish, save

TEXT = "# mine\n[gateway]\nport = 7000\n"


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A state with a harken.toml in its own folder."""
    house = furnish(StateConfig(folder=str(tmp_path / "state")))
    (house.folder / "harken.toml").write_text(TEXT)
    return house


@pytest.fixture
def asked(house: House, tmp_path: Path) -> Asked:
    """Its backup, to be restored where it was."""
    config = house.folder / "harken.toml"
    save(house, tmp_path / "a.tar.gz", config_file=config)
    return Asked(archive=tmp_path / "a.tar.gz", place=house.folder, config_place=config, replaces=True)


def test_one_in_a_state_folder_that_is_replaced_is_part_of_the_new_one(house: House, asked: Asked) -> None:
    """The old one is moved aside with its folder; the new one has its mode."""
    (house.folder / "harken.toml").write_text("# newer\n")
    (house.folder / "harken.toml").chmod(0o640)
    done = restore(asked)
    assert (house.folder / "harken.toml").read_text() == TEXT
    assert stat.S_IMODE((house.folder / "harken.toml").stat().st_mode) == 0o640
    assert done.aside.keys() == {house.folder}
    assert (done.aside[house.folder] / "harken.toml").read_text() == "# newer\n"
    assert (house.folder / "harken.db").exists()


@pytest.mark.parametrize("is_there", [False, True])
def test_one_in_a_state_folder_that_is_not_there_is_made_with_it(tmp_path: Path, asked: Asked, is_there: bool) -> None:
    """Or in an empty one; folders on the way to it are its owner's alone."""
    place = tmp_path / "new"
    if is_there:
        place.mkdir()
    config = place / "etc" / "deep" / "harken.toml"
    restore(dataclasses.replace(asked, place=place, config_place=config))
    assert config.read_text() == TEXT
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (config.parent, config.parent.parent)}
    assert (modes, stat.S_IMODE(config.stat().st_mode)) == ({0o700}, 0o600)
    assert (place / "harken.db").exists()


def test_links_on_the_way_to_it_are_seen_through(tmp_path: Path, house: House, asked: Asked) -> None:
    """One that leads into the state folder, and one in there that leads out."""
    (tmp_path / "in").symlink_to(house.folder)
    (tmp_path / "elsewhere").mkdir()
    (house.folder / "out").symlink_to(tmp_path / "elsewhere")
    restore(dataclasses.replace(asked, config_place=house.folder / "out" / "x.toml"))
    assert (tmp_path / "elsewhere" / "x.toml").read_text() == TEXT
    restore(dataclasses.replace(asked, config_place=tmp_path / "in" / "x.toml"))
    assert (house.folder / "x.toml").read_text() == TEXT


def test_what_the_state_holds_itself_is_no_place_for_it(tmp_path: Path, house: House, asked: Asked) -> None:
    """Nor is the folder itself; that is seen before anything is touched."""
    before = everything(house.folder)
    for name in ("harken.db", "run/7860/fleet.json", "recordings", "webhook-secret", ".", ".."):
        with pytest.raises(ConfigError):
            restore(dataclasses.replace(asked, config_place=house.folder / name))
    with pytest.raises(ConfigError):
        check_config_place(tmp_path / "new", tmp_path / "new", replaces=True)
    assert everything(house.folder) == before
