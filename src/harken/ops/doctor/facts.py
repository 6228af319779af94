"""What the doctor knows when it judges: plain data, gathered before (`look`) or written down by a test.

The invariant: nothing here can change, ask or fail; what could not be learnt says so in its own field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harken.config import Config, InstanceConfig
from harken.machine.cores import Cores
from harken.machine.disk import Disk
from harken.machine.gpus import Gpu, Gpus
from harken.machine.memory import Memory
from harken.machine.processor import Processor
from harken.qwen3_asr.aligner_config import AlignerConfig
from harken.qwen3_asr.config import NetworkConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A package that instances need.

    Attributes:
        name: as it is installed.
        wanted: such as ">=2.11,<3"; "" for any version.
        version: the installed one; "" where there is none.
    """

    name: str
    wanted: str
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Torch:
    """What torch says of itself in a process of its own.

    Attributes:
        version: of torch; "" where it is not installed.
        cuda: the CUDA that it was built for, such as (13, 0); None for a build without.
        sees_cuda: whether it finds a GPU; None where it was not asked or did not answer.
        problem: why it did not answer.
    """

    version: str = ""
    cuda: tuple[int, int] | None = None
    sees_cuda: bool | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Software:
    """Python and what is installed in it.

    Attributes:
        system: such as "Linux 6.1 x86_64".
        python: its version.
        executable: its path, for remedies.
        packages: those of the extra `engine`.
        torch: what torch says.
        has_kernels: the CPU kernels were built with the package.
        runs_kernels: and this CPU can run them.
    """

    system: str
    python: tuple[int, int, int]
    executable: str
    packages: tuple[Package, ...]
    torch: Torch
    has_kernels: bool
    runs_kernels: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A model or an aligner, as far as it is known before it is loaded.

    Attributes:
        name: as it was asked for; "" for none.
        folder: where it is; None where it is not on this machine.
        config: its shape; None where nobody knows it.
        is_builtin: the shape is a built-in figure of a published checkpoint.
        is_bfloat16: stored in bfloat16.
        max_segment_s: its longest segment, in seconds.
        stored_bytes: of its weight files; None unknown.
        can_pack: the CPU kernels know heads of its sizes.
        problem: why it cannot be used, whatever the machine; "" where nothing is known.
        remedy: what helps against that.
    """

    name: str
    folder: Path | None = None
    config: NetworkConfig | AlignerConfig | None = None
    is_builtin: bool = False
    is_bfloat16: bool = True
    max_segment_s: float = 30.0
    stored_bytes: int | None = None
    can_pack: bool = True
    problem: str = ""
    remedy: str = ""

    @property
    def is_missing(self) -> bool:
        """Whether it would have to be fetched."""
        return bool(self.name) and self.folder is None and not self.problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Hub:
    """Where missing weights would come from.

    Attributes:
        endpoint: its URL.
        is_offline: HF_HUB_OFFLINE forbids to ask it.
        statuses: HTTP status for each name that was asked for; 0 where nobody answered.
        problem: why nobody did.
    """

    endpoint: str
    is_offline: bool = False
    statuses: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Port:
    """A port that the fleet would take.

    Attributes:
        owner: who would have it: "gateway", "asr-1", …
        host: the address.
        number: the port.
        problem: why it cannot be had, with its holder; "" where it can.
    """

    owner: str
    host: str
    number: int
    problem: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where things are kept.

    Attributes:
        state: the state folder.
        weights: the folder that weights are downloaded to.
        descriptors: files and sockets that a process may have open, after it raised its own limit.
        ports: all that the fleet would take.
    """

    state: Disk
    weights: Disk
    descriptors: int
    ports: tuple[Port, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Everything.

    Attributes:
        config: the whole configuration.
        instances: those of the fleet, laid out.
        layout_problem: why they cannot be laid out; "" where they can.
        gpus: all of the machine.
        plugged_in: NVIDIA GPUs on the PCI bus, with or without a driver.
        visible: those that an instance would see, in CUDA's order.
        is_order_certain: CUDA numbers them as they are listed here.
        cores: of this process.
        processor: the CPU.
        memory: RAM.
        software: Python and packages.
        model: what is to be loaded; None where there are no instances, or a stub.
        aligner: the same of the aligner; None for none.
        hub: None where nothing is missing.
        places: disks and ports.
        unknown: looks that did not end in time, by name.
        engine: the engine of another package that instances are to have; "" where they have ours.
    """

    config: Config
    instances: tuple[InstanceConfig, ...]
    layout_problem: str
    gpus: Gpus
    plugged_in: int
    visible: tuple[Gpu, ...]
    is_order_certain: bool
    cores: Cores
    processor: Processor
    memory: Memory
    software: Software
    model: Checkpoint | None
    aligner: Checkpoint | None
    hub: Hub | None
    places: Places
    unknown: tuple[str, ...] = ()
    engine: str = ""

    @property
    def takes_gpu(self) -> bool:
        """Whether an instance whose device is "auto" would take a GPU."""
        sees = self.software.torch.sees_cuda
        has_one = any(not gpu.problem for gpu in self.visible) and not self.gpus.problem
        return has_one and self.software.torch.cuda is not None if sees is None else sees

    def device_of(self, instance: InstanceConfig) -> str:
        """The device that an instance would compute on, such as "cpu" or "cuda:0"."""
        if instance.device == "auto":
            return "cuda:0" if self.takes_gpu else "cpu"
        return "cuda:0" if instance.device.lower() == "cuda" else instance.device.lower()

    @property
    def devices(self) -> tuple[str, ...]:
        """All devices of the fleet, each once, in the order of the instances."""
        return tuple(dict.fromkeys(self.device_of(instance) for instance in self.instances))
