"""The dashboard's JSON: whole, placed without a gap in its logic, and bound to its variables."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

from harken.ops.export.monitoring.cluster_rows import cluster_rows
from harken.ops.export.monitoring.grafana import SOURCE_UID, dashboard_file, source_file
from harken.ops.export.monitoring.live_rows import live_rows
from harken.ops.export.monitoring.service_rows import service_rows

ROWS = (*service_rows(), *live_rows(), *cluster_rows())
BOARD: dict[str, Any] = json.loads(dashboard_file(ROWS))
PANELS: list[dict[str, Any]] = BOARD["panels"]


def _cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
    at = panel["gridPos"]
    return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}


def test_no_two_panels_lie_on_each_other() -> None:
    """Each has its own place within the twenty-four columns, and its own number."""
    for one, other in combinations(PANELS, 2):
        assert not _cells(one) & _cells(other), (one["title"], other["title"])
    assert all(x < 24 for panel in PANELS for x, _ in _cells(panel))
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_rows_are_in_the_order_in_which_they_are_read() -> None:
    """From what is happening now down to the machines; every panel is below its row."""
    titles = [panel["title"] for panel in PANELS if panel["type"] == "row"]
    assert titles == [row.title for row in ROWS]
    assert titles[0] == "Now" and titles[-1] == "Machines"
    tops = [panel["gridPos"]["y"] for panel in PANELS]
    assert tops == sorted(tops)


def test_every_panel_asks_the_chosen_source_about_the_chosen_clusters() -> None:
    """Nothing is bound to one Grafana; a panel that forgot the cluster would mix two."""
    for panel in (panel for panel in PANELS if panel["type"] != "row"):
        assert panel["description"], panel["title"]
        assert panel["datasource"]["uid"] == "${source}"
        references = [target["refId"] for target in panel["targets"]]
        assert references == sorted(set(references)) and references
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${source}"
            assert 'cluster=~"$cluster"' in target["expr"]
    assert [variable["name"] for variable in BOARD["templating"]["list"]] == ["source", "cluster"]


def test_the_dashboard_opens_with_the_source_that_is_provisioned() -> None:
    """Both files name it alike."""
    assert BOARD["templating"]["list"][0]["current"]["value"] == SOURCE_UID
    assert f"uid: {SOURCE_UID}\n" in source_file("http://127.0.0.1:9090", heading="h", interval_s=15)


def test_the_same_rows_are_the_same_bytes() -> None:
    """A file under version control changes when something changed."""
    assert dashboard_file(ROWS) == dashboard_file((*service_rows(), *live_rows(), *cluster_rows()))
