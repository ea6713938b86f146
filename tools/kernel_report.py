"""What the compiler says of the kernels for CUDA; no GPU is needed.

Run it as ``python tools/kernel_report.py [capability]`` (90 is an H100): for each kernel and size the registers of a
thread, the bytes that it spills, and the shared memory of a program.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from latens.kernels import triton_draws, triton_programs

TOOLS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
TYPES = {"steps": "i32", "batch": "i32", "temperature": "fp32", "penalty": "fp32", "ids": "*i64", "marks": "*i8"}
TYPES |= {"uniform": "*fp64", "log_probs": "*fp64"}
HELD = [(3, 128, rows) for rows in (1, 2, 4)] + [(4, 128, 2), (3, 64, 4), (4, 64, 4)]
STREAMED = [(3, 256, 4), (4, 256, 4)]


def compiled(kernel: Any, constants: dict[str, Any], warps: int, capability: int) -> Any:
    """A kernel for float32, as it is launched."""
    types = {name: "constexpr" if name in constants else TYPES.get(name, "*fp32") for name in kernel.arg_names}
    places = {name: (kernel.arg_names.index(name),) for name in types}
    aligned = {places[name]: [["tt.divisibility", 16]] for name, type_ in types.items() if type_.startswith("*")}
    given = {places[name]: value for name, value in constants.items()}
    source = ASTSource(kernel, signature=types, constexprs=given, attrs=aligned)
    return triton.compile(
        source, target=GPUTarget("cuda", capability, 32), options={"num_warps": warps, "num_stages": 1}
    )


def usage(binary: bytes) -> tuple[int, int]:
    """Registers of a thread, and bytes of it that lie in memory."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(binary)
        file.flush()
        found = subprocess.run(
            [TOOLS / "cuobjdump", "-res-usage", file.name], capture_output=True, text=True, check=True
        )
    match = re.search(r"REG:(\d+) STACK:(\d+)", found.stdout)
    if match is None:
        raise RuntimeError(f"cuobjdump: {found.stdout!r:.200} names no registers; use the triton of constraints/")
    return int(match[1]), int(match[2])


def kernels() -> Iterator[tuple[Any, dict[str, Any], int]]:
    """Each with its constants and warps, as `triton_scan._plan` and `triton_sampling.Sampler` have them."""
    for gates, size, rows in HELD + STREAMED:
        sizes = {"G": gates, "H": size, "W": size, "R": rows, "CHUNK": size if size <= 128 else 16}
        warps = 4 if size <= 64 else 8
        yield triton_programs.forward, sizes | {"EPS": 1e-5, "SAVE": True}, warps
        yield triton_programs.backward, sizes, warps
    for gates in (3, 4):
        sizes = {"L": 2, "G": gates, "H": 128, "W": 128, "V": 90, "N": 128, "R": 1}
        ways = {"EPS": 1e-5, "GREEDY": False, "TEMPERED": True, "PENALISED": False}
        yield triton_draws.draw, sizes | ways, 8


def main(capability: int) -> None:
    """Print the table."""
    print(f"{'kernel':10}{'gates':>6}{'size':>6}{'rows':>6}{'warps':>7}{'registers':>11}{'spilled':>9}{'shared':>8}")
    for kernel, constants, warps in kernels():
        found = compiled(kernel, constants, warps, capability)
        registers, spilled = usage(found.asm["cubin"])
        sizes = f"{constants['G']:6}{constants['H']:6}{constants['R']:6}{warps:7}"
        print(f"{kernel.__name__:10}{sizes}{registers:11}{spilled:9}{found.metadata.shared:8}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 90)
