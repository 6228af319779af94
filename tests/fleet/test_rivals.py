"""The rules that the autoscaler is compared with."""

from __future__ import annotations

from harken.config import AutoscaleConfig
from harken.fleet.rivals import Always, GuideRule
from harken.fleet.sample import Sample


def test_the_guides_rule_goes_one_up_or_one_down_each_minute() -> None:
    """From 2 to 8 and never beyond, at 80 % CPU, without a pause or a second thought."""
    rule, wanted, counts = GuideRule(AutoscaleConfig()), 2, []
    for minute in range(1, 20):
        share = 0.81 if minute < 10 else 0.8
        assert rule.decide(Sample(now=60.0 * minute - 1, wanted=wanted, ready=wanted, cpu_share=share)).wanted == wanted
        wanted = rule.decide(Sample(now=60.0 * minute, wanted=wanted, ready=wanted, cpu_share=share)).wanted
        counts.append(wanted)
    assert counts == [3, 4, 5, 6, 7, 8, 8, 8, 8, 7, 6, 5, 4, 3, 2, 2, 2, 2, 2]


def test_always_is_always() -> None:
    """Whatever comes."""
    assert Always(3).decide(Sample(now=0.0, wanted=1, ready=1, queued_audio_s=1e6)).wanted == 3
