"""What the scripts that do without Docker read out of its files."""

from __future__ import annotations

import pytest

from scripts.compose_file import filled, services
from scripts.dockerfile import needed, parse, settings_of

FILE = """
ARG PYTHON=3.11
FROM python:${PYTHON} AS tools
# a comment
RUN one \\
    # another, in the middle
    && two
FROM tools AS built
ARG WHERE=here
RUN install $WHERE
FROM python:${PYTHON} AS run
ENV A=1 B="two words" PATH=/opt/bin:$PATH
USER 10:10
ENTRYPOINT ["program"]
COPY --from=built /opt /opt
CMD ["serve"]
"""


def test_a_dockerfile_is_read_with_its_lines_joined_and_its_comments_left_out() -> None:
    """Also those within a line that goes on."""
    stages = parse(FILE, {"PYTHON": "3.12"})
    assert [stage.base for stage in stages.values()] == ["python:3.12", "tools", "python:3.12"]
    assert stages["tools"].steps[0].rest == "one && two"
    assert needed(stages, "run") == ["tools", "built", "run"]


def test_what_a_container_starts_with_is_known_without_building_it() -> None:
    """Variables of variables, the user, and what is run."""
    found = settings_of(parse(FILE, {}), "run", {})
    assert (found.env["A"], found.env["B"]) == ("1", "two words")
    assert found.env["PATH"] == "/opt/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    assert (found.user, found.entrypoint, found.command) == ("10:10", ["program"], ["serve"])


@pytest.mark.parametrize("text", ["FROM a AS b\nONBUILD RUN x", "FROM a\nRUN x"])
def test_what_is_not_understood_is_an_error(text: str) -> None:
    """Rather than left out."""
    with pytest.raises(ValueError, match=r"ONBUILD|without a name"):
        parse(text, {})


def test_variables_are_filled_as_compose_does() -> None:
    """An empty one counts as not set."""
    env = {"A": "a", "EMPTY": ""}
    assert filled({"x": ["${A}-${B:-b}-${EMPTY:-e}${B}"]}, env) == {"x": ["a-b-e"]}
    with pytest.raises(ValueError, match="EMPTY is not set: write one"):
        filled("${EMPTY:?write one}", env)


def test_services_come_after_those_they_wait_for() -> None:
    """Whatever their order in the file; those of a profile do not come."""
    said = {
        "a": {"image": "x:1", "depends_on": {"b": {"condition": "service_healthy"}}},
        "b": {"image": "y/z:2", "volumes": ["v:/v:ro", "/tmp"], "deploy": {"replicas": 2}},
        "c": {"image": "x:1", "profiles": ["p"]},
    }
    first, second = services({"services": said}, {})
    assert (first.name, first.image, first.replicas) == ("b", "y/z", 2)
    assert first.volumes == (("v", "/v", True), ("", "/tmp", False))
    assert second.after == {"b": "service_healthy"}
