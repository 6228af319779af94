"""Devices: the driver, the GPUs, whether those that are asked for are there, and can compute what is asked. Pure."""

from __future__ import annotations

from harken.machine.gpus import Gpu
from harken.ops.doctor.facts import Facts
from harken.ops.doctor.finding import Finding, failed, ok, warning
from harken.ops.doctor.words import counted, gigabytes, version

HOPPER = (9, 0)
AMPERE = (8, 0)
OLDEST = {13: (7, 5), 12: (5, 0)}
"""The oldest compute capability that a torch for each CUDA has code for; CUDA 13 ended what came before Turing."""

_REMEDIES = (
    ("mismatch", "restart the machine: the driver was updated under the running kernel module"),
    ("not loaded", "load the driver: modprobe nvidia; or install it: apt-get install nvidia-driver"),
    ("permission", "give this user access to /dev/nvidia*: add it to the groups video and render"),
    ("did not answer", "see dmesg for NVRM or Xid lines; restart the machine"),
    ("nvidia-ml-py", "pip install nvidia-ml-py"),
)


def check_driver(facts: Facts) -> Finding | None:
    """That NVML answers, where there is a driver or somebody wants one."""
    gpus = facts.gpus
    wants = _wants_gpu(facts)
    if not gpus.problem:
        known = f"NVIDIA driver {gpus.driver or 'of an unknown version'}, CUDA up to {version(gpus.cuda)}"
        return ok("driver", known)
    found = f"NVML: {gpus.problem}"
    if not gpus.has_library and not wants and not facts.plugged_in:
        return ok("driver", "no NVIDIA GPU and no driver; instances compute on the CPU")
    if facts.plugged_in and not gpus.has_library:
        found += f"; {counted(facts.plugged_in, 'NVIDIA GPU')} on the PCI bus, without a driver"
    step = next(
        (step for word, step in _REMEDIES if word in gpus.problem.lower()),
        "install the NVIDIA driver: apt-get install nvidia-driver; in a container, start it with --gpus all",
    )
    return failed("driver", found, f"{step}; or --device cpu") if wants else warning("driver", found, step)


def check_gpus(facts: Facts) -> Finding | None:
    """What GPUs there are, and that none is lost."""
    gpus = facts.gpus.gpus
    if facts.gpus.problem:
        return None
    if not gpus:
        return ok("gpus", "none")
    broken = [f"GPU {gpu.index}: {gpu.problem}" for gpu in gpus if gpu.problem]
    hidden = len(gpus) - len({gpu.index for gpu in facts.visible})
    told = [_told(gpu) for gpu in gpus if not gpu.problem]
    if hidden:
        told.append(f"{hidden} hidden by CUDA_VISIBLE_DEVICES or MIG")
    found = "; ".join([*broken, *told])
    if broken:
        step = "dmesg | grep -i xid says why; restart the machine, or hide it with CUDA_VISIBLE_DEVICES"
        used = {facts.visible[number] for number in _numbers(facts) if number < len(facts.visible)}
        return failed("gpus", found, step) if any(gpu.problem for gpu in used) else warning("gpus", found, step)
    if not facts.is_order_certain and facts.devices and any(device.startswith("cuda") for device in facts.devices):
        return warning(
            "gpus", f"{found}; CUDA may number them otherwise: the fastest first", "export CUDA_DEVICE_ORDER=PCI_BUS_ID"
        )
    return ok("gpus", found)


def check_layout(facts: Facts) -> Finding | None:
    """That the configured fleet makes sense on this machine."""
    if facts.layout_problem:
        return failed("fleet", facts.layout_problem, "change the keys that it names: see docs/harken.toml")
    if not facts.instances:
        return ok("fleet", "no instances here; upstreams only")
    return ok("fleet", f"{len(facts.instances)} of {facts.config.instance.model} on {', '.join(facts.devices)}")


def check_device(facts: Facts) -> Finding | None:
    """That each GPU that is asked for by name is there and visible."""
    lacking = [device for device in facts.devices if device.startswith("cuda") and _gpu_of(facts, device) is None]
    if facts.model is None or facts.gpus.problem or not lacking:
        return None
    if facts.software.torch.sees_cuda and not facts.gpus.gpus:
        return None  # torch finds one that NVML does not know: an emulation, or another make
    return failed(
        "device",
        f"{', '.join(lacking)} asked for; {len(facts.visible)} visible",
        "--device auto, or make it visible: unset CUDA_VISIBLE_DEVICES",
    )


def check_torch_sees_gpu(facts: Facts) -> Finding | None:
    """That torch finds the GPU that an instance is to compute on."""
    torch = facts.software.torch
    on_gpu = [device for device in facts.devices if device.startswith("cuda")]
    # A build for the CPU finds none, whether or not it had the time to say so.
    is_blind = not torch.sees_cuda and torch.cuda is None if torch.problem else torch.sees_cuda is False
    if facts.model is None or not torch.version or not is_blind:
        return None
    if on_gpu:
        return failed(
            "gpu access",
            f"{on_gpu[0]} asked for, but torch finds no GPU",
            "--device cpu, or see the findings about driver and torch",
        )
    usable = [gpu for gpu in facts.visible if not gpu.problem]
    if usable and torch.cuda is not None:
        return warning(
            "gpu access",
            f"torch does not find {usable[0].name}; instances compute on the CPU",
            f"{facts.software.executable} -c 'import torch; torch.cuda.init()' says why",
        )
    return None


def check_capability(facts: Facts) -> Finding | None:
    """That the GPUs compute what the configuration asks of them."""
    own, cuda = facts.config.instance, facts.software.torch.cuda
    used = [gpu for gpu in (_gpu_of(facts, device) for device in facts.devices) if gpu is not None]
    known = [gpu for gpu in used if gpu.capability is not None]
    if facts.model is None or not known:
        return None
    weakest = min(known, key=lambda gpu: gpu.capability or (0, 0))
    capability = weakest.capability or (0, 0)
    found = f"{weakest.name} has compute capability {version(capability)}"
    oldest = OLDEST.get(cuda[0], AMPERE) if cuda else (0, 0)
    if capability < oldest:
        return failed("capability", f"{found}; this torch begins at {version(oldest)}", "--device cpu, or another GPU")
    if own.quantize == "fp8" and capability < HOPPER:
        return failed("capability", f"{found}; fp8 needs Hopper ({version(HOPPER)})", "--quantize int8")
    if capability < AMPERE and own.quantize != "none":
        return warning(
            "capability",
            f"{found}; {own.quantize} is made for Ampere and later",
            "--quantize none",
        )
    if capability < AMPERE and own.dtype in ("auto", "bfloat16"):
        return warning("capability", f"{found}; bfloat16 is slow before Ampere", "--dtype float32")
    return ok("capability", f"{found}, enough for {own.quantize if own.quantize != 'none' else own.dtype}")


def _wants_gpu(facts: Facts) -> bool:
    own, fleet = facts.config.instance, facts.config.fleet
    words = f"{own.device},{fleet.devices}".lower()
    return bool(fleet.instances) and ("cuda" in words or fleet.devices.strip() == "all")


def _numbers(facts: Facts) -> set[int]:
    return {int(device.removeprefix("cuda:")) for device in facts.devices if device.startswith("cuda:")}


def _gpu_of(facts: Facts, device: str) -> Gpu | None:
    if not device.startswith("cuda:") or not device.removeprefix("cuda:").isdecimal():
        return None
    number = int(device.removeprefix("cuda:"))
    return facts.visible[number] if number < len(facts.visible) else None


def _told(gpu: Gpu) -> str:
    parts = f" in {len(gpu.parts)} MIG parts" if gpu.is_mig else ""
    memory = f"{gigabytes(gpu.free_bytes)} of {gigabytes(gpu.total_bytes)} free"
    return f"{gpu.name}{parts} ({version(gpu.capability)}), {memory}"


DEVICE_CHECKS = (check_driver, check_gpus, check_layout, check_device, check_torch_sees_gpu, check_capability)
