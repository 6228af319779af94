"""Configuration: read once, into frozen objects, and passed on as arguments.

Order of precedence: command-line flags, then `HARKEN_<SECTION>_<KEY>` variables, then the file, then the defaults
below. The documented example `docs/harken.toml` lists every key with its default, and a test compares it with these
classes. Nothing is ignored in silence: a key that does not exist is an error which says which one was probably meant.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from harken.errors import ConfigError

Section = TypeVar("Section")

DEFAULT_MODEL = "Qwen/Qwen3-ASR-1.7B"

NOT_OPTIONS = frozenset({"HARKEN_API_KEY", "HARKEN_CONFIG", "HARKEN_SUPERVISOR_PID"})
"""Variables that are ours but name no key: a client's, where the file is, and who started a supervised instance."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GatewayConfig:
    """[gateway]: the one door.

    Attributes:
        host: address to listen on.
        port: port to listen on; 0 lets the system choose.
        name: the name that /health and the logs show.
        drain_timeout_s: after SIGTERM, how long accepted requests may take to finish.
        tls_cert: a PEM file with the certificate and its chain, for https; "" for plain http.
        tls_key: a PEM file with the certificate's key.
        serves_models: whether other machines may fetch the files of its models (`harken pull --from`).
    """

    host: str = "127.0.0.1"
    port: int = 7860
    name: str = "gateway"
    drain_timeout_s: float = 300.0
    tls_cert: str = ""
    tls_key: str = ""
    serves_models: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitsConfig:
    """[limits]: what one request may ask for, and how much may wait.

    Attributes:
        upload_bytes: the largest accepted request body.
        audio_s: the longest accepted recording, in decoded seconds.
        decode_timeout_s: the longest that decoding one recording may take, waiting for its turn not counted; each
            second of audio that came out allows a tenth of a second more.
        segments_in_flight: segments of one request that may be recognised at the same time, at most: no more than one
            instance has slots, but eight in any case.
        queue_audio_s: audio-seconds that may wait in the queue before new requests are refused.
        queue_timeout_s: the longest that a segment waits for a free slot.
        segment_timeout_s: the longest that one segment may take on one instance.
        attempts: tries of one segment on different instances, the first included.
    """

    upload_bytes: int = 2 * 1024 * 1024 * 1024
    audio_s: float = 43_200.0
    decode_timeout_s: float = 600.0
    segments_in_flight: int = 16
    queue_audio_s: float = 14_400.0
    queue_timeout_s: float = 300.0
    segment_timeout_s: float = 300.0
    attempts: int = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetConfig:
    """[fleet]: the instances, and how they are kept alive.

    Attributes:
        kind: "local" (instances are processes of this machine) or "ray" (of the nodes of a Ray cluster; see [ray]).
        instances: how many; 0 only where there are upstreams.
        host: the address they listen on.
        first_port: port of the first; the others follow. 0 lets the system choose for each.
        start_retries: starts that may fail in a row before an instance counts as broken at start.
        start_timeout_s: the longest that loading and warming up may take.
        backoff_s: wait before the first restart; it doubles with each failure in a row.
        backoff_max_s: the longest wait between restarts.
        probe_interval_s: seconds between two looks at an instance.
        probe_timeout_s: an unanswered look counts as failed after this.
        probe_failures: failed looks in a row after which an instance is replaced.
        weights: of the instances, for the weighted policies: "3,3,2,2"; "" for equal ones.
        upstreams: other servers that speak OpenAI's audio API, separated by spaces; each a URL whose fragment may set
            name, weight, slots, model and key_env: "http://gpu-2:8000/v1#slots=16&key_env=VLLM_KEY".
        resolve_interval_s: seconds between two look-ups of an upstream's name whose addresses are upstreams (`#dns`).
        devices: the instances are spread over these by free memory: "cuda:0,cuda:1", or "all" for every GPU that is
            visible; "" gives each the device of [instance].
        mps: NVIDIA's Multi-Process Service for instances that share a GPU: "off", "on", or "auto" (for GPUs with
            several instances, where this machine has it).
        mps_thread_percentage: the part of a GPU's multiprocessors that one instance may use under MPS; 0: not set.
        pins_cores: each instance stays on CPU cores of its own.
    """

    kind: str = "local"
    instances: int = 4
    host: str = "127.0.0.1"
    first_port: int = 7861
    start_retries: int = 3
    start_timeout_s: float = 600.0
    backoff_s: float = 0.5
    backoff_max_s: float = 30.0
    probe_interval_s: float = 0.5
    probe_timeout_s: float = 2.0
    probe_failures: int = 3
    weights: str = ""
    upstreams: str = ""
    resolve_interval_s: float = 5.0
    devices: str = ""
    mps: str = "off"
    mps_thread_percentage: int = 0
    pins_cores: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RayConfig:
    """[ray]: what each instance of a fleet of `kind = "ray"` asks of the cluster; docs/ray.md.

    Attributes:
        address: "auto" (the cluster whose node this machine is), HOST:PORT of its head, or "local" (one of its own, on
            this machine).
        num_cpus: CPUs of each instance; also its threads, where instance.threads is 0.
        num_gpus: 0, a fraction of one GPU, or 1; then it computes on "cuda".
        resources: others of the cluster's resources, such as "asr=1,nvme=0.5"; "" for none.
        placement: "spread" (over as many nodes as possible) or "default" (Ray's own: fill nodes first).
    """

    address: str = "auto"
    num_cpus: float = 1.0
    num_gpus: float = 0.0
    resources: str = ""
    placement: str = "spread"


@dataclass(frozen=True, kw_only=True, slots=True)
class DispatchConfig:
    """[dispatch]: which instance gets a segment, and what is done when one is slow or fails.

    Attributes:
        policy: "auto", "fewest_in_flight", "weighted_fewest_in_flight", "round_robin", "weighted_round_robin",
            "power_of_two", "least_audio_left" or "consistent_hash".
        retry_share: tries after failed ones, as a part of all; what is beyond it waits.
        hedge_share: second tries of short clips that take unusually long, as a part of all; 0 for none.
        canary_interval_s: an instance that recognised nothing for so long is asked to prove itself; 0: never.
        stall_s: a segment that makes no progress for so long is taken away from its instance.
        eject_share: the largest part of the instances that may be set aside for being worse than the others.
    """

    policy: str = "auto"
    retry_share: float = 0.1
    hedge_share: float = 0.05
    canary_interval_s: float = 30.0
    stall_s: float = 20.0
    eject_share: float = 0.34


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoscaleConfig:
    """[autoscale]: how many instances there are, by the load; docs/reference/autoscaling.md has the rule.

    Attributes:
        mode: "off", "on", or "dry-run" (it says what it would do, and does nothing).
        signals: "auto" (queue, slots, then CPU and GPU) or "cpu" (the machine's CPU share alone).
        min: the fewest instances; 0 lets an idle fleet go.
        max: the most instances.
        target_wait_s: in so much time the fleet should be able to work off what waits.
        slots_share: the part of the slots in use from which another instance is wanted.
        cpu_share: the same of the machine's CPU.
        gpu_share: the same of the busiest GPU.
        up_after_s: a reason to add must have lasted for so long; three times as long while nobody waits yet.
        down_after_s: instances must have been unneeded for so long, and for at least five times what a start takes.
        up_pause_s: after instances were added, none is added for so long.
        down_pause_s: after any change, none is removed for so long.
        idle_s: with `min = 0`, the last instances go after so long without a request.
        interval_s: between two looks.
    """

    mode: str = "off"
    signals: str = "auto"
    min: int = 2
    max: int = 8
    target_wait_s: float = 10.0
    slots_share: float = 0.8
    cpu_share: float = 0.8
    gpu_share: float = 0.8
    up_after_s: float = 10.0
    down_after_s: float = 300.0
    up_pause_s: float = 30.0
    down_pause_s: float = 300.0
    idle_s: float = 900.0
    interval_s: float = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheConfig:
    """[cache]: transcripts of segments that were recognised before.

    Attributes:
        bytes: what this process may keep in memory; 0 for no cache and no single-flight.
        url: a Redis that several gateways share, such as redis://host:6379/0; "" for memory alone.
        keep_s: how long a transcript is kept.
        scope: "key" (an API key finds only what it asked for itself) or "shared".
    """

    bytes: int = 64 * 1024 * 1024
    url: str = ""
    keep_s: float = 86_400.0
    scope: str = "key"


@dataclass(frozen=True, kw_only=True, slots=True)
class InstanceConfig:
    """[instance]: one process with one copy of one model.

    Attributes:
        model: "digits", a folder, a hub name, an installed engine, or "stub".
        host: address to listen on when served alone.
        port: port to listen on when served alone.
        name: the name that answers, logs and /health show.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        memory_share: the part of its device's memory that an instance alone may use; a fleet divides it evenly among
            the instances of a device.
        dtype: "auto", "float32", "bfloat16", or "float16" (narrower than the decoder was trained for).
        quantize: what weights are rounded to: "none", "int8", "int4", on a Hopper GPU also "fp8".
        encoder_cache_bytes: encoded windows of 8 s that are kept on the device, in case the same sound comes again
            (live transcription, second tries); 0 for none.
        slots: segments that run at the same time; 0 for as many as memory holds, at most 8 on a CPU and 128 on a GPU.
        waiting: segments that may wait for a slot inside the instance.
        threads: CPU threads of the model; 0 shares the cores among the instances.
        cores: the CPU cores that the process stays on, such as "0-3,8"; "" for all that it may use.
        drain_timeout_s: after SIGTERM, how long accepted segments may take to finish.
        aligner: times words: "auto" (the one made for the model, where it is at hand), "none", "digits-aligner", a
            folder, or a hub name.
    """

    model: str = DEFAULT_MODEL
    aligner: str = "auto"
    host: str = "127.0.0.1"
    port: int = 7861
    name: str = "asr-1"
    device: str = "auto"
    memory_share: float = 0.9
    dtype: str = "auto"
    quantize: str = "none"
    encoder_cache_bytes: int = 64 * 1024 * 1024
    slots: int = 0
    waiting: int = 256
    threads: int = 0
    cores: str = ""
    drain_timeout_s: float = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class StateConfig:
    """[state]: what outlives the process: jobs, their audio, API keys.

    Attributes:
        folder: holds the database and the stored audio; "" for ~/.local/state/harken (or $XDG_STATE_HOME/harken).
        database: an SQLAlchemy URL such as postgresql+psycopg://user:password@host/harken; "" for SQLite in `folder`.
    """

    folder: str = ""
    database: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelsConfig:
    """[models]: what `harken pull` fetched.

    Attributes:
        folder: holds the models; "" for ~/.local/share/harken/models (or $XDG_DATA_HOME/harken/models).
    """

    folder: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobsConfig:
    """[jobs]: recordings that are transcribed in the background and survive a crash.

    Attributes:
        is_enabled: whether this server takes jobs and works on them.
        files_in_flight: files that this server works on at the same time.
        files_per_job: the most files of one job.
        files_waiting: files of all jobs that may wait; more are refused.
        upload_bytes: the largest body of one request for a job; of its files, each may have `limits.upload_bytes`.
        keep_s: how long an ended job and its results are kept.
        lease_s: a server that says nothing for so long has lost the file it worked on to another one.
        stranded_s: how long a file waits for a server that can read its recording before it has failed.
        attempts: tries of one file before it counts as failed.
        paths: folders, separated by ":", whose files jobs may name by path; "" for none.
        webhook_attempts: tries to deliver a job's end to its webhook.
        webhook_secret: signs webhooks; "" for a secret made at first use and kept in the state folder.
        allows_private_webhooks: whether webhooks may go to addresses of this machine and of private networks.
    """

    is_enabled: bool = True
    files_in_flight: int = 4
    files_per_job: int = 1000
    files_waiting: int = 10_000
    upload_bytes: int = 16 * 1024 * 1024 * 1024
    keep_s: float = 604_800.0
    lease_s: float = 15.0
    stranded_s: float = 86_400.0
    attempts: int = 3
    paths: str = ""
    webhook_attempts: int = 8
    webhook_secret: str = ""
    allows_private_webhooks: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthConfig:
    """[auth]: who may use the server.

    Attributes:
        keys: "auto" (a key is needed as soon as one exists), "required" or "off".
        requests_per_minute: of a key that has no limit of its own; 0 for no limit.
        audio_s_per_minute: audio-seconds of such a key; 0 for no limit.
        storage: where the counts are: "memory://", or a storage URL of the limits library such as redis://host:6379.
        cors_origins: web pages' origins that may call from a browser, separated by commas; "" for none.
        stale_keys_s: how long keys that were read are believed while the database cannot be read, in seconds.
    """

    keys: str = "auto"
    requests_per_minute: int = 0
    audio_s_per_minute: float = 0.0
    storage: str = "memory://"
    cors_origins: str = ""
    stale_keys_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LogConfig:
    """[log]: what is written to standard error, and by a gateway to files.

    Attributes:
        level: debug, info, warning or error.
        format: of standard error: "auto" (console on a terminal, else json), "console" or "json".
        to_files: whether a gateway also writes JSON lines to files in its run folder, one for itself and for each
            instance.
        file_bytes: where a file is rotated.
        files: rotated ones that are kept of each, beside the current; 0 for none.
        transcripts: whether the line at the end of a request, or of a job's file, holds the text that was recognised,
            and that of an upstream's refusal its words.
    """

    level: str = "info"
    format: str = "auto"
    to_files: bool = True
    file_bytes: int = 10 * 1024 * 1024
    files: int = 5
    transcripts: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveConfig:
    """[live]: transcription while somebody speaks.

    Attributes:
        sessions: the most at the same time; fewer where the instances cannot follow as many. 0 offers none.
        update_s: seconds between two drafts of a turn, at least.
        hold_s: seconds of sound behind a word's first appearance after which it is final although its piece is not done
            yet, at the price of a text that is not always the file's; 0 for never.
        window_s: seconds of sound in a draft, about; what lies before is not said again.
        turn_s: the longest turn, in seconds; then the server commits at the next moment of quiet.
        ahead_s: seconds of sound that a client may be ahead of recognition before it is not read from.
        idle_s: seconds without audio after which a session ends.
        silence_s: seconds without speech after which a session ends.
        session_s: seconds that a session may go on.
        resume_s: seconds that a session is kept whose connection broke.
    """

    sessions: int = 500
    update_s: float = 0.5
    hold_s: float = 0.0
    window_s: float = 12.0
    turn_s: float = 300.0
    ahead_s: float = 30.0
    idle_s: float = 60.0
    silence_s: float = 600.0
    session_s: float = 3600.0
    resume_s: float = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class TracesConfig:
    """[traces]: spans of each request for an OpenTelemetry collector; off without an endpoint.

    Attributes:
        endpoint: where OTLP over HTTP is taken, such as "http://127.0.0.1:4318"; "" for nowhere.
        share: of requests that are traced, 0 to 1, where the caller has not decided in a `traceparent` header.
    """

    endpoint: str = ""
    share: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """All sections of harken.toml."""

    gateway: GatewayConfig = field(default_factory=GatewayConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    fleet: FleetConfig = field(default_factory=FleetConfig)
    ray: RayConfig = field(default_factory=RayConfig)
    dispatch: DispatchConfig = field(default_factory=DispatchConfig)
    autoscale: AutoscaleConfig = field(default_factory=AutoscaleConfig)
    cache: CacheConfig = field(default_factory=CacheConfig)
    instance: InstanceConfig = field(default_factory=InstanceConfig)
    models: ModelsConfig = field(default_factory=ModelsConfig)
    state: StateConfig = field(default_factory=StateConfig)
    jobs: JobsConfig = field(default_factory=JobsConfig)
    auth: AuthConfig = field(default_factory=AuthConfig)
    live: LiveConfig = field(default_factory=LiveConfig)
    log: LogConfig = field(default_factory=LogConfig)
    traces: TracesConfig = field(default_factory=TracesConfig)


def load_config(
    path: Path | None = None,
    env: Mapping[str, str] | None = None,
    flags: Mapping[str, Mapping[str, Any]] | None = None,
    defaults: Mapping[str, Mapping[str, Any]] | None = None,
) -> Config:
    """Merge file, variables and flags over the defaults.

    Args:
        path: a TOML file, or None for none.
        env: the process's variables; only `HARKEN_<SECTION>_<KEY>` ones are read.
        flags: section → key → value from the command line; None values were not given.
        defaults: section → key → value in place of a default of the classes above.

    Raises:
        ConfigError: an unknown section or key (with the likely one), a value of the wrong kind, an unreadable file.
    """
    raw = _read_file(path) if path is not None else {}
    _check_names(raw, SECTIONS, where="section")
    for name, section in raw.items():
        if not isinstance(section, dict):
            raise ConfigError(f"{name} is a section: write [{name}] and its keys below it, not {name} = {section!r}.")
    merged: dict[str, dict[str, Any]] = {
        name: {**(defaults or {}).get(name, {}), **raw.get(name, {})} for name in SECTIONS
    }
    for section, key, text in _variables(env or {}):
        merged[section][key] = text
    _check_names(flags or {}, SECTIONS, where="section")
    for section, values in (flags or {}).items():
        merged[section].update({key: value for key, value in values.items() if value is not None})
    config = Config(**{name: read_section(kind, merged[name], name) for name, kind in SECTIONS.items()})
    _check_fleet(config)
    _check_autoscale(config)
    return config


def read_section(kind: type[Section], raw: Mapping[str, Any], section: str) -> Section:
    """Build one section's object; every key and every value's kind is checked.

    Raises:
        ConfigError: an unknown key or an impossible value.
    """
    kinds = typing.get_type_hints(kind)
    _check_names(raw, kinds, where=f"key in [{section}]")
    values = {key: _convert(value, kinds[key], f"{section}.{key}") for key, value in raw.items()}
    built = kind(**values)
    _check_ranges(built, section)
    return built


SECTIONS: dict[str, type[Any]] = {
    name: kind for name, kind in typing.get_type_hints(Config).items() if not isinstance(kind, types.GenericAlias)
}
"""Section name → its class."""


def _check_fleet(config: Config) -> None:
    fleet = config.fleet
    may_sleep = config.autoscale.mode == "on" and config.autoscale.min == 0
    if not fleet.instances and not fleet.upstreams.strip() and not may_sleep:
        raise ConfigError(
            "fleet.instances must be more than 0 where there are no upstreams (or an autoscaler with autoscale.min 0)."
        )
    if fleet.kind not in ("local", "ray"):
        raise ConfigError(f"fleet.kind must be one of local, ray, not {fleet.kind!r}.")
    if fleet.mps_thread_percentage and fleet.mps == "off":
        raise ConfigError("fleet.mps_thread_percentage is set, but fleet.mps is 'off'.")
    if fleet.kind == "ray":  # on other machines every instance takes a free port
        return
    last = fleet.first_port + fleet.instances - 1
    if fleet.first_port and last > 65_535:
        raise ConfigError(f"fleet.first_port {fleet.first_port} leaves no room for {fleet.instances} instances.")
    if fleet.first_port and fleet.first_port <= config.gateway.port <= last:
        raise ConfigError(
            f"gateway.port {config.gateway.port} is also an instance's: those have {fleet.first_port} to {last}."
        )


def _check_autoscale(config: Config) -> None:
    scale, fleet = config.autoscale, config.fleet
    for key, value, known in (
        ("mode", scale.mode, ("off", "on", "dry-run")),
        ("signals", scale.signals, ("auto", "cpu")),
    ):
        if value not in known:
            raise ConfigError(f"autoscale.{key} must be one of {', '.join(known)}, not {value!r}.")
    if scale.min > scale.max:
        raise ConfigError(f"autoscale.min {scale.min} is more than autoscale.max {scale.max}.")
    if fleet.kind == "ray":
        return
    last = fleet.first_port + scale.max - 1
    if scale.mode == "on" and fleet.first_port and last > 65_535:
        raise ConfigError(
            f"fleet.first_port {fleet.first_port} leaves no room for autoscale.max {scale.max} instances."
        )
    if scale.mode == "on" and fleet.first_port and fleet.first_port <= config.gateway.port <= last:
        raise ConfigError(
            f"gateway.port {config.gateway.port} may become an instance's: with autoscale.max {scale.max} those have "
            f"{fleet.first_port} to {last}."
        )


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}.") from error
    except ValueError as error:  # of TOML, of UTF-8, or of a number of thousands of digits
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error


def _variables(env: Mapping[str, str]) -> Iterable[tuple[str, str, str]]:
    for variable, text in env.items():
        section, _, key = variable.removeprefix("HARKEN_").lower().partition("_")
        if not variable.startswith("HARKEN_") or variable in NOT_OPTIONS or _is_service_link(variable, text):
            continue
        _check_names({section: key}, SECTIONS, where=f"section in {variable}")
        _check_names({key: text}, typing.get_type_hints(SECTIONS[section]), where=f"key in {variable}, for [{section}]")
        yield section, key, text


def _is_service_link(variable: str, text: str) -> bool:
    """Tell Kubernetes' inventions: a service named "harken-gateway" sets HARKEN_GATEWAY_PORT to "tcp://…"."""
    is_named_so = re.search(r"_SERVICE_(HOST|PORT)|_PORT_\d+_(TCP|UDP)", variable) is not None
    return is_named_so or text.startswith(("tcp://", "udp://"))


def _check_names(given: Mapping[str, Any], known: Iterable[str], *, where: str) -> None:
    names = list(known)
    for name in given:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(names)}."
            raise ConfigError(f"Unknown {where}: {name!r}; {hint}")


def _convert(value: Any, kind: type, name: str) -> Any:
    """Accept the kind itself, an int for a float, and text (from variables) that reads as the kind."""
    if kind is bool:
        found = _BOOLEANS.get(str(value).lower())
        if found is None:
            raise ConfigError(f"{name} must be true or false, not {value!r}.")
        return found
    if isinstance(value, bool):
        raise ConfigError(f"{name} must be {_KINDS[kind]}, not {str(value).lower()}.")
    if isinstance(value, kind):
        return value
    if kind is float and isinstance(value, int) and abs(value) < _FLOAT_END:
        return float(value)
    if isinstance(value, str) and kind in (int, float):
        try:
            return kind(value.replace("_", ""))
        except ValueError:
            pass
    raise ConfigError(f"{name} must be {_KINDS[kind]}, not {value!r}.")


_FLOAT_END = 2**1023
"""Whole numbers from here on may be too large for a float."""

_BOOLEANS = {"true": True, "false": False}

_KINDS: dict[type, str] = {int: "a whole number", float: "a number", str: "text"}

_MAY_BE_ZERO = frozenset(
    {
        "instances",
        "port",
        "first_port",
        "threads",
        "slots",
        "start_retries",
        "waiting",
        "bytes",
        "encoder_cache_bytes",
        "hedge_share",
        "eject_share",
        "canary_interval_s",
        "backoff_s",
        "requests_per_minute",
        "audio_s_per_minute",
        "stale_keys_s",
        "mps_thread_percentage",
        "min",
        "up_after_s",
        "up_pause_s",
        "files",
        "share",
        "num_cpus",
        "num_gpus",
        "sessions",
        "hold_s",
        "resume_s",
    }
)

_MOST = {
    "port": 65_535,
    "first_port": 65_535,
    "memory_share": 1,
    "mps_thread_percentage": 100,
    "slots_share": 1,
    "cpu_share": 1,
    "gpu_share": 1,
    "max": 1000,
    "files": 1000,
    "share": 1,
    "num_gpus": 1,
}


def _check_ranges(section: Any, name: str) -> None:
    for part in dataclasses.fields(section):
        value = getattr(section, part.name)
        if isinstance(value, str | bool):
            continue
        least = 0 if part.name in _MAY_BE_ZERO else None
        if not value < float("inf") or value < 0 or (value == 0 and least is None):
            raise ConfigError(
                f"{name}.{part.name} must be {'0 or more' if least == 0 else 'more than 0'}, not {value}."
            )
        if part.name in _MOST and value > _MOST[part.name]:
            raise ConfigError(f"{name}.{part.name} must be at most {_MOST[part.name]}, not {value}.")
