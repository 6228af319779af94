"""Train `qwen3-asr-digits` from nothing: `python -m training.train`.

Two stages of a fixed number of steps over streamed clips. The first, with four decoder layers, grows
from two digits to strings of half a minute; the second adds two decoder layers and learns to keep
its place in long strings. The loss is on the answer; training-only heads (`heads.py`) teach the
alignment and fade in the last fifth. What is shipped is the exponential average of the weights.

Invariant: seed, steps and options decide the data and their order; results are bit-equal only for
the same thread count, torch build and processor (sums are reordered otherwise).
"""

import argparse
import json
import time
from pathlib import Path

import torch
from torch.nn import functional as F  # noqa: N812 the name everybody gives it
from transformers import Qwen3ASRForConditionalGeneration

from training.bank import DEFAULT_PATH, record, save
from training.batches import IGNORE, Batch
from training.checkpoint import write_checkpoint
from training.feed import Plan, stream
from training.heads import FirstHeads, SecondHeads
from training.network import build_model, forward, grown
from training.stages import FIRST, SECOND, Stage
from training.vocabulary import load_vocabulary

AVERAGE = 0.9985
BANK_SEED, BANK_ROUNDS, BANK_STRINGS = 20261122, 14, 6


def losses(
    model: Qwen3ASRForConditionalGeneration, heads: FirstHeads | SecondHeads, batch: Batch
) -> tuple[torch.Tensor, torch.Tensor, float]:
    """(loss on the answer, weighted loss of the heads, share of answer tokens right)."""
    asked = torch.zeros_like(batch.labels, dtype=torch.bool)
    asked[:, :-1] = batch.labels[:, 1:] != IGNORE
    outputs = forward(model, batch, asked)
    wanted = batch.labels[:, 1:][batch.labels[:, 1:] != IGNORE]
    text = F.cross_entropy(outputs.logits, wanted)
    right = float((outputs.logits.argmax(-1) == wanted).float().mean())
    return text, heads.loss(model, outputs, batch), right


def optimizer(model: torch.nn.Module, heads: torch.nn.Module) -> torch.optim.AdamW:
    """AdamW as every stage uses it: no weight decay on vectors."""
    parameters = [*model.parameters(), *heads.parameters()]
    matrices = [p for p in parameters if p.dim() >= 2]
    others = [p for p in parameters if p.dim() < 2]
    return torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}],
        lr=1e-3, betas=(0.9, 0.98), fused=True,
    )  # fmt: skip


class Run:
    """One stage: model, heads, average, optimizer, and the log."""

    def __init__(self, stage: Stage, options: argparse.Namespace) -> None:
        self.stage, self.options = stage, options
        self.vocabulary = load_vocabulary()
        self.model = build_model(self.vocabulary, options.seed)
        self.heads: FirstHeads | SecondHeads = FirstHeads()
        self.step, self.group = 0, 0
        self._prepare()

    def _prepare(self) -> None:
        for conv in ("conv2d1", "conv2d2", "conv2d3"):
            getattr(self.model.model.audio_tower, conv).to(memory_format=torch.channels_last)
        self.optimizer = optimizer(self.model, self.heads)
        self.average = {name: p.detach().clone() for name, p in self.model.named_parameters()}

    def begin(self, previous: Path) -> None:
        """Begin this stage with the average weights that the one before it left in `previous`."""
        found = torch.load(previous)
        weights = {**found["model"], **found["average"]}
        if self.stage == SECOND:
            first = FirstHeads()
            first.load_state_dict(found["heads"])
            self.model.load_state_dict(weights, strict=False)
            self.model = grown(self.model, self.vocabulary, self.options.seed)
            self.heads = SecondHeads.after(first)
        self._prepare()

    def resume(self, state: Path) -> None:
        """Take up a saved state of this stage; the data go on with the next whole group."""
        found = torch.load(state)
        if self.stage != FIRST:
            self.model = grown(self.model, self.vocabulary, self.options.seed)
            self.heads = SecondHeads()
            self._prepare()
        self.model.load_state_dict(found["model"])
        self.heads.load_state_dict(found["heads"])
        self.optimizer.load_state_dict(found["optimizer"])
        self.step, self.average, self.group = found["step"], found["average"], found["group"] + 1

    def save(self) -> None:
        """Write the state (to go on from), the checkpoint (to use) and the record (to cite)."""
        out = self.options.out / self.stage.name
        out.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.model.state_dict(), "heads": self.heads.state_dict(), "average": self.average,
            "optimizer": self.optimizer.state_dict(), "step": self.step, "group": self.group,
        }  # fmt: skip
        torch.save(state, out / "state.new")
        (out / "state.new").replace(out / "state.pt")
        weights = {**self.model.state_dict(), **self.average}
        weights["lm_head.weight"] = weights["model.language_model.embed_tokens.weight"]
        write_checkpoint(out / "checkpoint", self.model.config, weights, self.vocabulary)
        parameters = sum(p.numel() for p in self.model.parameters())
        facts = {"seed": self.options.seed, "stage": self.stage.name, "step": self.step, "parameters": parameters}
        (out / "record.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")

    def advance(self, batch: Batch) -> tuple[float, float, float]:
        """One optimizer step; (text loss, head loss, share right)."""
        for part in self.optimizer.param_groups:
            part["lr"] = self.stage.rate(self.step)
        text, extra, right = losses(self.model, self.heads, batch)
        torch.autograd.backward(text + self.stage.head_weight(self.step) * extra)
        torch.nn.utils.clip_grad_norm_([*self.model.parameters(), *self.heads.parameters()], 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        keep = min(AVERAGE, self.step / (self.step + 20))
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                self.average[name].lerp_(parameter, 1 - keep)
        return text.item(), extra.item(), right

    def train(self) -> None:
        """Run to the last step, logging and saving on the way."""
        options = self.options
        plan = Plan(
            seed=options.seed + self.stage.seed_offset, group_clips=48, batch_chunks=30, limits=self.stage.limits,
            bank=options.bank,
        )  # fmt: skip
        began, sums, count, seconds = time.monotonic(), [0.0, 0.0, 0.0], 0, 0.0
        for group, batch in stream(plan, options.workers, self.group):
            self.group = group
            values = self.advance(batch)
            sums = [a + b for a, b in zip(sums, values, strict=True)]
            count += 1
            seconds += float(batch.audio_tokens.sum()) / 13
            if self.step % options.log_every == 0:
                text, extra, right = (value / count for value in sums)
                line = {
                    "step": self.step, "group": self.group, "text": round(text, 4), "heads": round(extra, 4),
                    "right": round(right, 4), "audio_s": round(seconds), "rate": round(self.stage.rate(self.step), 6),
                    "elapsed_s": round(time.monotonic() - began, 1),
                }  # fmt: skip
                print(json.dumps(line), flush=True)
                sums, count, seconds = [0.0, 0.0, 0.0], 0, 0.0
            if self.step % options.save_every == 0 or self.step >= self.stage.last_step:
                self.save()
            if self.step >= self.stage.last_step:
                return


def parse() -> argparse.Namespace:
    """The documented options; their defaults are what the shipped checkpoint was trained with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--stage", choices=("first", "second", "all"), default="all")
    parser.add_argument("--workers", type=int, default=1, help="data processes; does not change the data")
    parser.add_argument("--threads", type=int, default=1, help="more did not help on two hyper-threads")
    parser.add_argument("--bank", type=Path, default=DEFAULT_PATH, help="made when it is not there")
    parser.add_argument("--out", type=Path, default=Path("training/build/run"))
    parser.add_argument("--resume", type=Path, help="a state.pt of the stage to go on from")
    parser.add_argument("--log-every", type=int, default=100)
    parser.add_argument("--save-every", type=int, default=1000)
    return parser.parse_args()


def main() -> None:
    """Command line: train."""
    options = parse()
    torch.set_num_threads(options.threads)
    if not options.bank.exists():
        save(record(BANK_SEED, BANK_ROUNDS, BANK_STRINGS), options.bank)
    for previous, stage in ((None, FIRST), (FIRST, SECOND)):
        if options.stage not in (stage.name, "all"):
            continue
        run = Run(stage, options)
        if options.resume and options.stage == stage.name:
            run.resume(options.resume)
        elif previous is not None:
            run.begin(options.out / previous.name / "state.pt")
        run.train()


if __name__ == "__main__":
    main()
