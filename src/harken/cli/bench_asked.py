"""What a person asks of `harken bench`, checked before anything is sent.

The invariant: what passed `checked` can be run; what contradicts itself is an error that names the options.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harken.bench.load.classes import WantedClass, read_classes
from harken.bench.load.knee import Rule
from harken.bench.load.target import Target
from harken.cli.bench_places import check_places
from harken.errors import ConfigError

ROUTES = {"openai": ("/v1/audio/transcriptions", "file"), "asr": ("/asr", "audio")}
"""Path and field of each."""

FORMATS = ("", "json", "verbose_json", "text")
SWEEPS = ("", "concurrency", "rate", "live")

CONCURRENCY = 8
OPEN_MOST = 1000
"""Requests that may be unanswered in an open loop, where nobody says how many."""

REQUESTS = 100
SWEEP_STEP_S = 10.0
LIVE_S = 30.0
LIVE_TARGET = Target(seconds=1.0)
"""A second after the last word people have waited long enough."""

_RATE_MOST = 1e6


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedBench:
    """The options.

    Attributes:
        files: recordings, folders, manifests; empty for the packaged recordings.
        limit: so many recordings at most.
        classes: of duration, as `--classes` has them; "" for those that the recordings have.
        servers: addresses, which take turns.
        api_key: "" for none.
        ca: whose certificates are taken, as PEM; None for those that this machine trusts.
        route: one of `ROUTES`.
        model: sent with each request; "" for none.
        language: sent with each request; "" for none.
        answers: one of `FORMATS`; "" leaves it to the server.
        streams: ask for events, and measure the first text.
        requests: how many; None for as many as fit into `duration_s`, or `REQUESTS`.
        duration_s: for how long requests go out.
        concurrency: at once; None for the usual number.
        rate: requests a second; None for as fast as answers come.
        sweep: what is raised step by step; "" for a single load.
        levels: the steps, as `--levels` has them; "" finds them.
        growth: of goodput from one step to the next, for the knee.
        warm_up: requests before the first that counts.
        seed: of arrivals, order and classes.
        target: which answers are good.
        allows_cache: send the same bytes again and again.
        timeout_s: how long an answer may take.
        title: of the report.
        as_json: print JSON.
        save: where the report goes as JSON; None for nowhere.
        csv: the requests as a table.
        html: the report as a page.
        live: so many paced live streams; None for requests.
        commits: a stream commits each recording at its end; else the server finds the turns.
        fail_above_wer: the word error rate, in percent, above which the run has failed; None for any.
    """

    files: Sequence[Path]
    limit: int | None
    classes: str
    servers: Sequence[str]
    api_key: str
    ca: Path | None
    route: str
    model: str
    language: str
    answers: str
    streams: bool
    requests: int | None
    duration_s: float | None
    concurrency: int | None
    rate: float | None
    sweep: str
    levels: str
    growth: float
    warm_up: int
    seed: int
    target: Target
    allows_cache: bool
    timeout_s: float
    title: str
    as_json: bool
    save: Path | None
    csv: Path | None
    html: Path | None
    live: int | None = None
    commits: bool = False
    fail_above_wer: float | None = None

    @property
    def is_live(self) -> bool:
        """Live streams are measured."""
        return self.live is not None or self.sweep == "live"

    @property
    def by(self) -> str:
        """What a level is."""
        if self.is_live:
            return "live"
        return self.sweep or ("concurrency" if self.rate is None else "rate")

    @property
    def is_open(self) -> bool:
        """Requests go out at their times."""
        return self.by == "rate"

    @property
    def wanted(self) -> int | None:
        """Requests of a step; None where time is the limit."""
        if self.requests is None and self.lasts_s is None and not self.is_live:
            return REQUESTS
        return self.requests

    @property
    def lasts_s(self) -> float | None:
        """For how long requests go out in a step; None where their number is the limit."""
        if self.requests is None and self.duration_s is None and self.is_live:
            return LIVE_S
        if self.requests is None and self.duration_s is None and self.sweep:
            return SWEEP_STEP_S
        return self.duration_s

    @property
    def first_level(self) -> float:
        """Where it begins."""
        given = self.live if self.is_live else self.rate if self.is_open else self.concurrency
        if given is None:
            given = 1.0 if self.sweep else CONCURRENCY
        return float(given)

    @property
    def rule(self) -> Rule:
        """By which the knee is found."""
        return Rule(growth=None if self.is_live else self.growth)

    @property
    def good(self) -> Target:
        """Which answers are good."""
        return LIVE_TARGET if self.is_live and not self.target else self.target

    def wanted_classes(self) -> tuple[WantedClass, ...]:
        """The classes that are wanted.

        Raises:
            ConfigError: they cannot be understood.
        """
        return read_classes(self.classes) if self.classes else ()

    def wanted_levels(self) -> tuple[float, ...]:
        """The steps that are wanted; none where they are to be found.

        Raises:
            ConfigError: they cannot be understood, or do not ascend.
        """
        try:
            levels = tuple(float(part) for part in self.levels.split(",")) if self.levels else ()
        except ValueError:
            levels = (0.0,)
        is_fit = all(0 < level < (_RATE_MOST if self.is_open else 10_001) for level in levels)
        is_whole = self.is_open or all(level == int(level) for level in levels if is_fit)
        if not is_fit or not is_whole or list(levels) != sorted(set(levels)):
            raise ConfigError(f"--levels wants ascending numbers such as 1,2,4,8, not {self.levels[:80]!r}.")
        return levels


def checked(asked: AskedBench) -> AskedBench:
    """Say whether it can be run.

    Raises:
        ConfigError: something asked for is unknown, contradicts something else, or cannot be written.
    """
    _one_of("--route", asked.route, tuple(ROUTES))
    _one_of("--answers", asked.answers, FORMATS)
    _one_of("--sweep", asked.sweep, SWEEPS)
    if asked.rate is not None and not 0 < asked.rate < _RATE_MOST:
        raise ConfigError(f"--rate must be more than 0 and less than a million a second, not {asked.rate:g}.")
    if asked.sweep == "concurrency" and asked.rate is not None:
        raise ConfigError("--sweep concurrency is a closed loop and has no --rate; did you mean --sweep rate?")
    if asked.levels and not asked.sweep:
        raise ConfigError("--levels are the steps of a --sweep, concurrency or rate.")
    _check_live(asked)
    if asked.route == "asr" and (asked.model or asked.answers or asked.streams):
        raise ConfigError("--route asr knows neither --model, --answers nor --stream.")
    for name, value in (("--target-s", asked.target.seconds), ("--target-share", asked.target.share)):
        if value is not None and not 0 < value < float("inf"):
            raise ConfigError(f"{name} must be more than 0, not {value:g}.")
    if asked.duration_s is not None and not 0 < asked.duration_s < 1e7:
        raise ConfigError(f"--duration-s must be more than 0, not {asked.duration_s:g}.")
    if asked.fail_above_wer is not None and not 0 <= asked.fail_above_wer < float("inf"):
        raise ConfigError(f"--fail-above-wer is in percent, such as 5, not {asked.fail_above_wer:g}.")
    if not 0 <= asked.growth < 10:
        raise ConfigError(f"--growth is a share such as 0.05, not {asked.growth:g}.")
    asked.wanted_classes()
    asked.wanted_levels()
    check_places({"--save": asked.save, "--csv": asked.csv, "--html": asked.html}, asked.files)
    return asked


def _check_live(asked: AskedBench) -> None:
    """Live streams have their own pace and their own route."""
    if asked.commits and not asked.is_live:
        raise ConfigError("--commit is of live streams; it goes with --live N or --sweep live.")
    if not asked.is_live:
        return
    others = {
        "--rate": asked.rate is not None,
        "--concurrency": asked.concurrency is not None,
        "--warm-up": asked.warm_up > 0,
        "--route": asked.route != "openai",
        "--model": bool(asked.model),
        "--answers": bool(asked.answers),
        "--stream": asked.streams,
        "--allow-cache": asked.allows_cache,
        f"--sweep {asked.sweep}": asked.sweep not in ("", "live"),
    }
    if given := [name for name, is_given in others.items() if is_given]:
        raise ConfigError(f"Live streams have a pace and a route of their own; leave out {', '.join(given)}.")


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(f"{option} must be one of {', '.join(filter(None, known))}, not {value!r}.")
