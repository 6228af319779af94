"""What fits on each device."""

from __future__ import annotations

import pytest

from harken.ops.doctor.fits import places_of, what_fits
from tests.ops.doctor.machines import GB, LARGE, SMALL, checkpoint, config, gpu, machine


def test_a_card_of_24_gb_is_told_as_people_say_it() -> None:
    """Two instances of the larger model with sixteen slots; more of them rounded, more of the smaller one."""
    on_gpu = [fit for fit in what_fits(machine(gpus=(gpu(),))) if fit.device == "cuda:0"]
    assert str(on_gpu[0]) == f"2 instances of {LARGE} bfloat16 with 16 slots (8.7 GB each)"
    assert [(fit.model, fit.weights) for fit in on_gpu] == [
        (LARGE, "bfloat16"), (LARGE, "int8"), (LARGE, "int4"), (SMALL, "bfloat16"),
    ]  # fmt: skip
    assert on_gpu[-1].instances > on_gpu[0].instances


def test_every_device_has_its_own_answer() -> None:
    """Two cards, one of them half full, and the CPU; a card that is lost is none."""
    facts = machine(gpus=(gpu(0), gpu(1, free=12.0), gpu(2, problem="GPU is lost")))
    assert [place.device for place in places_of(facts)] == ["cuda:0", "cuda:1", "cpu"]
    first = {
        fit.device: fit.instances
        for fit in reversed(what_fits(facts))
        if fit.weights == "bfloat16" and fit.model == LARGE
    }
    assert first["cuda:0"] == 2 and first["cuda:1"] == 1 and first["cpu"] >= 3


def test_the_share_of_the_configuration_bounds_a_card() -> None:
    """Of the whole of it, not of what is free."""
    half = machine(config(memory_share=0.5), gpus=(gpu(),))
    assert places_of(half)[0].budget_bytes == 12 * GB
    assert places_of(machine(config(memory_share=0.5), gpus=(gpu(free=5.0),)))[0].budget_bytes == 5 * GB


@pytest.mark.parametrize(("model", "quantize", "kinds"), [(SMALL, "none", 3), (LARGE, "int8", 2), (SMALL, "int4", 1)])
def test_only_what_differs_is_told(model: str, quantize: str, kinds: int) -> None:
    """Nothing is rounded twice, and the smaller model has no smaller one."""
    facts = machine(config(model=model, quantize=quantize), model=checkpoint(model))
    assert len(what_fits(facts)) == kinds


def test_nothing_is_told_where_no_model_is_loaded() -> None:
    """A gateway in front of others."""
    assert what_fits(machine(config(instances=0))) == ()
