"""What is installed, as it really is here."""

from __future__ import annotations

import sys

import pytest

from harken.ops.doctor.software import own_software, read_requirement, read_torch


@pytest.mark.parametrize(
    ("line", "name", "wanted"),
    [
        ("torch<3,>=2.11; extra == 'engine'", "torch", "<3,>=2.11"),
        ('huggingface-hub>=0.27 ; extra == "engine"', "huggingface-hub", ">=0.27"),
        ("tokenizers", "tokenizers", ""),
        ("", "", ""),
    ],
)
def test_a_requirement_is_split(line: str, name: str, wanted: str) -> None:
    """Name, then versions."""
    assert read_requirement(line) == (name, wanted)


@pytest.mark.slow
def test_torch_is_read_from_its_files() -> None:
    """As it says of itself; it is not imported here for that."""
    import torch

    told = read_torch()
    assert told.version.split("+")[0] == torch.__version__.split("+")[0]
    assert told.cuda is None or f"{told.cuda[0]}.{told.cuda[1]}" == torch.version.cuda
    assert told.sees_cuda is None


@pytest.mark.slow
def test_torch_answers_in_a_process_of_its_own() -> None:
    """It works here, or these tests would not."""
    told = own_software(needs_torch=True)
    assert told.python == sys.version_info[:3]
    assert {package.name for package in told.packages} == {"huggingface-hub", "safetensors", "tokenizers", "torch"}
    assert all(package.version for package in told.packages)
    # A machine that is very busy may need longer; that is said then.
    assert told.torch.sees_cuda is not None or "no answer" in told.torch.problem
