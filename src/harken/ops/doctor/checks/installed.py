"""What is installed: the system, Python, the packages of an instance, torch, the CPU kernels. Pure."""

from __future__ import annotations

import re

from harken.ops.doctor.facts import Facts, Package
from harken.ops.doctor.finding import Finding, failed, ok, warning
from harken.ops.doctor.words import version

OLDEST_PYTHON = (3, 11)

OLDEST_CUDA = 12
"""The oldest CUDA that a torch is published for which Harken takes."""


def check_system(facts: Facts) -> Finding:
    """Linux is what servers are tested on."""
    system = facts.software.system
    if system.startswith("Linux"):
        return ok("system", system)
    return warning("system", f"{system}; Harken is tested on Linux", "run servers on Linux")


def check_python(facts: Facts) -> Finding:
    """The version that the package asks for."""
    found = f"{version(facts.software.python)} ({facts.software.executable})"
    if facts.software.python[:2] >= OLDEST_PYTHON:
        return ok("python", found)
    return failed("python", found, f"install Python {version(OLDEST_PYTHON)} or later, and Harken in it")


def check_packages(facts: Facts) -> Finding | None:
    """The extra `engine`, where an instance needs it."""
    if facts.model is None:
        return None
    packages = facts.software.packages
    missing = [package.name for package in packages if not package.version]
    old = [
        f"{package.name} {package.version} (wanted: {package.wanted})" for package in packages if not satisfies(package)
    ]
    remedy = f"{facts.software.executable} -m pip install --upgrade 'harken[engine]'"
    if missing:
        return failed("packages", f"not installed: {', '.join(missing)}", remedy)
    if old:
        return failed("packages", f"of another version: {', '.join(old)}", remedy)
    return ok("packages", ", ".join(f"{package.name} {package.version}" for package in packages))


def check_torch(facts: Facts) -> Finding | None:
    """That it can be imported, and for a GPU that its CUDA is one that the driver knows."""
    torch = facts.software.torch
    if facts.model is None or not torch.version:
        return None  # the packages say what is missing
    build = f"{torch.version}, built for {'CUDA ' + version(torch.cuda) if torch.cuda else 'the CPU'}"
    if torch.problem and torch.sees_cuda is False:
        return failed(
            "torch",
            f"{build}; importing it fails: {torch.problem}",
            f"{facts.software.executable} -m pip install --force-reinstall torch",
        )
    if torch.problem:
        return warning("torch", f"{build}; {torch.problem}", f"{facts.software.executable} -c 'import torch'")
    usable = [gpu for gpu in facts.visible if not gpu.problem]
    if torch.cuda is None and usable:
        return warning(
            "torch",
            f"{build}, beside {usable[0].name}, which it cannot use",
            _install_torch(facts, facts.gpus.cuda),
        )
    return _against_driver(facts, build) or ok("torch", build)


def _against_driver(facts: Facts, build: str) -> Finding | None:
    cuda, driver = facts.software.torch.cuda, facts.gpus.cuda
    if cuda is None or driver is None:
        return None
    found = f"{build}; the driver {facts.gpus.driver} knows CUDA up to {version(driver)}"
    if driver[0] < cuda[0]:
        verdict = failed if any(device.startswith("cuda") for device in facts.devices) else warning
        other = f", or {_install_torch(facts, driver)}" if driver[0] >= OLDEST_CUDA else ""
        return verdict("torch", found, f"update the NVIDIA driver{other}")
    if driver < cuda:
        return warning("torch", f"{found}: works within one major version", "update the NVIDIA driver")
    return ok("torch", found)


def _install_torch(facts: Facts, driver: tuple[int, int] | None) -> str:
    """How to get a torch that a driver can run: a build needs its CUDA's major version, or a later one."""
    build = "cu126" if driver is None or driver[0] < 13 else "cu130"
    index = f"https://download.pytorch.org/whl/{build}"
    return f"{facts.software.executable} -m pip install --force-reinstall torch --index-url {index}"


def check_kernels(facts: Facts) -> Finding | None:
    """The packed kernels, where an instance computes on the CPU."""
    if facts.model is None or "cpu" not in facts.devices:
        return None
    own, cpu = facts.config.instance, facts.processor
    name = f"{cpu.model or cpu.architecture}: {', '.join(cpu.features) or 'no features that matter'}"
    if facts.software.runs_kernels and facts.model.can_pack:
        return ok("cpu", f"{name}; the packed kernels run here")
    if facts.software.runs_kernels and facts.model.folder is not None:
        reason, step = "the packed kernels do not know heads of this model's sizes", "use a published model"
    elif cpu.architecture in ("x86_64", "AMD64") and not cpu.missing and not facts.software.has_kernels:
        reason = "the packed kernels were not built: there was no C compiler"
        again = f"{facts.software.executable} -m pip install --force-reinstall --no-deps harken"
        step = f"apt-get install gcc libc6-dev, then {again}"
    else:
        lacks = ", ".join(cpu.missing) if cpu.architecture in ("x86_64", "AMD64") else "x86-64 with AVX-512"
        reason = f"the packed kernels cannot run: this CPU lacks {lacks}"
        step = "use a CPU with AVX-512 VNNI, or a GPU"
    if own.quantize != "none":
        return failed(
            "cpu", f"{name}; {reason}, and --quantize {own.quantize} needs them", f"--quantize none, or {step}"
        )
    return warning("cpu", f"{name}; {reason}; float32 by torch is two to four times as slow and as large", step)


def satisfies(package: Package) -> bool:
    """Whether a version is one of those that are wanted; a version that cannot be read is."""
    if not package.version:
        return False
    have = _numbers(package.version)
    for sign, text in re.findall(r"(>=|<=|==|<|>|~=|!=)\s*([\w.]+)", package.wanted):
        want = _numbers(text)
        size = max(len(have), len(want))
        one, other = (parts + (0,) * (size - len(parts)) for parts in (have, want))
        if (sign == ">=" and one < other) or (sign == "<" and one >= other):
            return False
    return True


def _numbers(text: str) -> tuple[int, ...]:
    match = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


INSTALLED_CHECKS = (check_system, check_python, check_packages, check_torch, check_kernels)
