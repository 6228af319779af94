"""What /proc/cpuinfo says of a CPU."""

from __future__ import annotations

from harken.machine.processor import KERNELS_NEED, own_processor, read_processor

XEON = (
    "processor\t: 0\nmodel name\t: Intel(R) Xeon(R)\n"
    "flags\t\t: fpu avx2 avx512f avx512bw avx512vl avx512dq avx512_vnni amx_bf16\n"
)
GRAVITON = "processor\t: 0\nBogoMIPS\t: 2100.00\nFeatures\t: fp asimd evtstrm aes\nCPU implementer\t: 0x41\n"


def test_an_x86_cpu_tells_its_features() -> None:
    """Those that matter, and none is missing for the kernels."""
    found = read_processor(XEON, "x86_64")
    assert (found.model, found.missing) == ("Intel(R) Xeon(R)", ())
    assert set(found.features) == {"avx2", *KERNELS_NEED, "amx_bf16"}


def test_what_the_kernels_miss_is_named() -> None:
    """Of a CPU that has AVX-512, but not all of it."""
    assert read_processor(XEON.replace("avx512_vnni", ""), "x86_64").missing == ("avx512_vnni",)


def test_an_arm_cpu_has_neon() -> None:
    """Under the name that ARM gave it later."""
    found = read_processor(GRAVITON, "aarch64")
    assert found.features == ("neon",)
    assert found.missing == KERNELS_NEED


def test_a_system_that_says_nothing_has_no_features() -> None:
    """It is no error."""
    assert read_processor("", "riscv64").features == ()
    assert own_processor().architecture
