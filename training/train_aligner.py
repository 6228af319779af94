"""Train `digits-aligner` from the digits recogniser: `python -m training.train_aligner`.

A fixed number of steps over streamed clips whose word times are known: short strings first, then a
growing share of up to half a minute. The loss is on the classes of the words' starts and ends, with
training-only heads (`aligner_heads.py`) that fade in the last fifth. What is shipped is the
exponential average of the weights.

Invariant: seed, steps and options decide the data and their order; results are bit-equal only for
the same thread count, torch build and processor (sums are reordered otherwise).
"""

import argparse
import json
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from training.aligner_checkpoint import write_aligner
from training.aligner_heads import AlignerHeads, class_loss, errors_s
from training.aligner_network import begin_from_recogniser, build_aligner, forward
from training.alignment import AlignedBatch, collate, drawn_text
from training.bank import save
from training.clips import Clip, ClipMaker
from training.feed import Plan, bunches, stream_of
from training.script import Limits
from training.stages import Stage
from training.timed_bank import DEFAULT_PATH, ROUNDS, SEED, STRINGS, record
from training.train import AVERAGE, optimizer
from training.vocabulary import Vocabulary, load_vocabulary

RECOGNISER = Path("src/harken/checkpoints/digits")
_SHORT = Limits(short_digits=10, long_digits=10, max_s=12.0, long_share=0.0, pause_share=0.1)
_LONG = Limits(short_digits=10, long_digits=70, max_s=30.0, long_share=0.4, pause_share=0.15, run_share=0.06)
# What was still often wrong after 7,000 steps: words behind silences of seconds, and wrong texts.
_HARD_FROM_GROUP = 451
_HARD = replace(_LONG, pause_share=0.3)
STAGE = Stage(
    name="aligner", last_step=18000, planned_steps=20000, peak=1.2e-3, flat_until=0.3, warmup=200,
    limits=(_SHORT,) * 100 + (_LONG,) * (_HARD_FROM_GROUP - 100) + (_HARD,), seed_offset=7,
)  # fmt: skip


def wrong_share(group: int) -> float:
    """How many of a group's texts have a word missing, too many or mistaken."""
    return 0.06 if group < _HARD_FROM_GROUP else 0.12


def timed_clip(maker: ClipMaker, rng: random.Random, limits: Limits) -> Clip:
    """The first drawn clip that says something and whose word times are known."""
    while True:
        clip = maker.draw(rng.getrandbits(48), limits)
        if clip.spans_s:
            return clip


def group_batches(plan: Plan, group: int, maker: ClipMaker, vocabulary: Vocabulary) -> list[AlignedBatch]:
    """All batches of one group: clips sorted by length, cut at a number of one-second chunks, in random order."""
    rng = random.Random(f"{plan.seed}/{group}")
    limits = plan.limits[min(group, len(plan.limits) - 1)]
    clips = [timed_clip(maker, rng, limits) for _ in range(plan.group_clips)]
    batches = bunches(clips, plan.batch_chunks, rng)
    share, made = wrong_share(group), []
    for batch in batches:
        texts = [drawn_text(clip, share, rng) for clip, _ in batch]
        made.append(collate([clip for clip, _ in batch], [feature for _, feature in batch], texts, vocabulary))
    return made


class AlignerRun:
    """The run: model, heads, average, optimizer, and the log."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.vocabulary = load_vocabulary()
        self.model: Any = build_aligner(self.vocabulary, options.seed)
        self.heads = AlignerHeads()
        self.step, self.group = 0, 0

    def begin(self) -> None:
        """Start from the recogniser's weights."""
        begin_from_recogniser(self.model, self.options.recogniser, self.vocabulary)
        self._prepare()

    def resume(self, state: Path) -> None:
        """Take up a saved state; the data go on with the next whole group."""
        found = torch.load(state)
        self.model.load_state_dict(found["model"])
        self._prepare()
        self.heads.load_state_dict(found["heads"])
        self.optimizer.load_state_dict(found["optimizer"])
        self.step, self.average, self.group = found["step"], found["average"], found["group"] + 1

    def _prepare(self) -> None:
        for conv in ("conv2d1", "conv2d2", "conv2d3"):
            getattr(self.model.model.audio_tower, conv).to(memory_format=torch.channels_last)
        self.optimizer = optimizer(self.model, self.heads)
        self.average = {name: p.detach().clone() for name, p in self.model.named_parameters()}

    def save(self) -> None:
        """Write the state (to go on from), the checkpoint (to use) and the record (to cite)."""
        out = self.options.out
        out.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.model.state_dict(), "heads": self.heads.state_dict(), "average": self.average,
            "optimizer": self.optimizer.state_dict(), "step": self.step, "group": self.group,
        }  # fmt: skip
        torch.save(state, out / "state.new")
        (out / "state.new").replace(out / "state.pt")
        write_aligner(out / "checkpoint", self.model.config, {**self.model.state_dict(), **self.average})
        parameters = sum(p.numel() for p in self.model.parameters())
        facts = {"seed": self.options.seed, "step": self.step, "parameters": parameters}
        (out / "record.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")

    def advance(self, batch: AlignedBatch) -> tuple[float, float, float, float]:
        """One optimizer step; (class loss, head loss, median error in ms, share of errors above 240 ms)."""
        for part in self.optimizer.param_groups:
            part["lr"] = STAGE.rate(self.step)
        outputs = forward(self.model, batch)
        loss, extra = class_loss(outputs, batch), self.heads.loss(self.model, outputs, batch)
        torch.autograd.backward(loss + STAGE.head_weight(self.step) * extra)
        torch.nn.utils.clip_grad_norm_([*self.model.parameters(), *self.heads.parameters()], 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        keep = min(AVERAGE, self.step / (self.step + 20))
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                self.average[name].lerp_(parameter, 1 - keep)
        errors = errors_s(outputs, batch)
        return loss.item(), extra.item(), float(errors.median()) * 1000, float((errors > 0.24).float().mean())

    def train(self) -> None:
        """Run to the last step, logging and saving on the way."""
        options = self.options
        plan = Plan(
            seed=options.seed + STAGE.seed_offset, group_clips=48, batch_chunks=30, limits=STAGE.limits,
            bank=options.bank,
        )  # fmt: skip
        began, sums, count = time.monotonic(), [0.0] * 4, 0
        for group, batch in stream_of(AlignedBatch, plan, group_batches, options.workers, self.group):
            self.group = group
            sums = [a + b for a, b in zip(sums, self.advance(batch), strict=True)]
            count += 1
            if self.step % options.log_every == 0:
                loss, extra, median_ms, far = (value / count for value in sums)
                line = {
                    "step": self.step, "group": group, "loss": round(loss, 4), "heads": round(extra, 4),
                    "median_ms": round(median_ms, 1), "far": round(far, 4), "rate": round(STAGE.rate(self.step), 6),
                    "elapsed_s": round(time.monotonic() - began, 1),
                }  # fmt: skip
                print(json.dumps(line), flush=True)
                sums, count = [0.0] * 4, 0
            if self.step % options.save_every == 0 or self.step >= STAGE.last_step:
                self.save()
            if self.step >= STAGE.last_step:
                return


def parse() -> argparse.Namespace:
    """The documented options; their defaults are what the shipped checkpoint was trained with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--recogniser", type=Path, default=RECOGNISER, help="the digits checkpoint to begin from")
    parser.add_argument("--workers", type=int, default=1, help="data processes; does not change the data")
    parser.add_argument("--threads", type=int, default=1, help="more did not help on two hyper-threads")
    parser.add_argument("--bank", type=Path, default=DEFAULT_PATH, help="made when it is not there")
    parser.add_argument("--out", type=Path, default=Path("training/build/aligner"))
    parser.add_argument("--resume", type=Path, help="a state.pt to go on from")
    parser.add_argument("--log-every", type=int, default=100)
    parser.add_argument("--save-every", type=int, default=1000)
    return parser.parse_args()


def main() -> None:
    """Command line: train the aligner."""
    options = parse()
    torch.set_num_threads(options.threads)
    if not options.bank.exists():
        save(record(SEED, ROUNDS, STRINGS), options.bank)
    run = AlignerRun(options)
    run.resume(options.resume) if options.resume else run.begin()
    run.train()


if __name__ == "__main__":
    main()
