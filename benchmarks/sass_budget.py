"""What the hot CUDA kernels should reach, predicted from their machine code: `python -m benchmarks.sass_budget`.

Needs nvcc but no GPU. Compiles the kernels, disassembles them, follows the main loop's usual path and counts what one
turn of it issues. A multiprocessor issues 128 lanes' instructions a clock and moves 32 words to or from shared memory;
whichever takes longer is the predicted time. Nothing here is measured.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent
ARCHITECTURE = "sm_90"
FMA_PIPE = re.compile(r"FFMA|FADD|FMUL|IMAD")
REGISTERS, WARPS, SHARED, SHARED_OF_BLOCK = 65536, 64, 228 * 1024, 1024  # of a multiprocessor of sm_90


@dataclass(frozen=True)
class Kernel:
    """A kernel, and what a turn of its main loop stands for."""

    name: str
    source: str
    symbol: str
    threads: int
    shared: int  # bytes of dynamic shared memory
    pixels: int  # that a turn of 128 threads completes, of 1920 columns
    floor: float  # slots a pixel that the mathematics takes
    halves: tuple[bool, ...] = (True,)  # the threads' ways through the loop: whether they use the formula


# 256 columns go in; 240, an eighth of 1920, come out of SSIM, and 216, a ninth, of the gradient.
# docs/architecture.md has the floors.
SLIDING = "ssim_gradient_sliding"
BESIDE = "(limen::cuda::(anonymous namespace)::Beside)"
FLOATS = "(limen::cuda::Pixels)0"
KERNELS = (
    Kernel("SSIM", "ssim_sliding", f"forward_kernel<true, {BESIDE}0, {FLOATS}>", 128, 63792, 4 * 240, 88 + 25),
    Kernel("SSIM and L1", "ssim_sliding", f"forward_kernel<true, {BESIDE}2, {FLOATS}>", 128, 64816, 4 * 240, 88 + 27),
    Kernel(
        "cs and halving", "ssim_sliding", f"forward_kernel<false, {BESIDE}0, {FLOATS}>", 128, 63792, 4 * 240, 88 + 24
    ),
    Kernel(
        "gradient of x", SLIDING, f"gradient_kernel<true, 3, {FLOATS}>", 256, 74200, 2 * 216, 154 + 60, (True, False)
    ),
)
# How often a loop inside is run through: for the rows of a group. (Loops of both gradients are not followed here.)
TRIPS = 2


@dataclass(frozen=True)
class Instruction:
    """One line of a disassembly."""

    predicate: str
    name: str  # with its modifiers
    operands: str

    @property
    def opcode(self) -> str:
        return self.name.partition(".")[0]

    @property
    def words(self) -> int:
        """How many 4-byte words a load or store moves."""
        return 4 if ".128" in self.name else 2 if ".64" in self.name else 1


def tool(name: str) -> str:
    """A program of NVIDIA's, from the PATH or from its Python package."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/cuda/bin"]))
    if found is not None:
        return found
    try:
        files = metadata.files(f"nvidia-cuda-{name}") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == name:
            return str(file.locate())
    raise SystemExit(f"needs {name}, of the CUDA toolkit" + ("" if name == "nvcc" else f" or pip's nvidia-cuda-{name}"))


def run(*command: str | Path) -> str:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True).stdout


def disassemble(cubin: Path) -> Iterator[tuple[str, list[Instruction], dict[str, int]]]:
    """Name, instructions and labels of every kernel."""
    listing = run(tool("nvdisasm"), "-c", cubin)
    for part in re.split(r"^\s*\.section\s+\.text\.", listing, flags=re.MULTILINE)[1:]:
        instructions: list[Instruction] = []
        labels: dict[str, int] = {}
        for line in part.splitlines():
            if label := re.match(r"(\.L\S+):", line):
                labels[label[1]] = len(instructions)
            elif code := re.match(r"\s+/\*[0-9a-f]+\*/\s+(@!?U?P\S+\s+)?(\S+)\s*(.*?)\s*;", line):
                instructions.append(Instruction(code[1] or "", code[2], code[3]))
        yield re.match(r"[^,\s]+", part)[0], instructions, labels  # type: ignore[index]


def successors(at: int, instructions: list[Instruction], labels: dict[str, int]) -> list[int]:
    """Where a thread may go on."""
    this = instructions[at]
    if this.opcode in ("EXIT", "RET", "BRX"):
        return [at + 1] if this.predicate else []
    if this.opcode != "BRA":
        return [at + 1]
    label = re.search(r"`\((\.L\S+?)\)", this.operands)
    conditional = this.predicate or "P" in this.operands.partition("`")[0] or this.name == "BRA.DIV"
    return ([labels[label[1]]] if label else []) + ([at + 1] if conditional else [])


def main_path(instructions: list[Instruction], labels: dict[str, int], formula: bool) -> list[Instruction]:
    """One turn of the main loop as threads take it inside an image.

    Of all ways that take in everything there is to multiply, to load and to store in pairs, the shortest. Without
    `formula` it is that of the threads which evaluate none.
    """
    # The main loop has the most multiply-adds.
    best: tuple[int, list[Instruction]] = (0, [])
    headers = {
        to
        for at, this in enumerate(instructions)
        if this.opcode == "BRA"
        for to in successors(at, instructions, labels)
        if to <= at
    }
    for header in headers:
        # Worth of the best way from an instruction on to the header, and its next step.
        ways: dict[int, tuple[int, int, int | None]] = {}
        for at, onward in backwards(header, instructions, labels, formula):
            this = instructions[at]
            options: list[tuple[int, int, int | None]] = [(0, 0, None)] if header in onward else []
            options += [(ways[to][0], ways[to][1], to) for to in onward if to != header and to in ways]
            if options:
                worth, length, following = max(options, key=lambda option: option[:2])
                counts = this.opcode == "FFMA" or this.name.startswith(
                    ("LDG.E.64.CONSTANT", "LDG.E.128", "LDGSTS.E.64", "STG.E.64", "STG.E.128")
                )
                ways[at] = (worth + counts, length - 1, following)
        if header in ways and ways[header][0] > best[0]:
            places: list[int] = []
            step: int | None = header
            while step is not None:
                places.append(step)
                step = ways[step][2]
            # Who goes down the images sends for them; the other half makes slopes at times, which are counted here.
            if any(instructions[place].opcode == ("LDGSTS" if formula else "STG") for place in places):
                best = ways[header][0], repeated(places, instructions, labels)
    return best[1]


def repeated(places: list[int], instructions: list[Instruction], labels: dict[str, int]) -> list[Instruction]:
    """The instructions of a way, those of the loops on it as often as they are run."""
    order = {place: i for i, place in enumerate(places)}
    times = [1] * len(places)
    for end, place in enumerate(places):
        if instructions[place].opcode != "BRA":
            continue
        for to in successors(place, instructions, labels):
            if to <= place and 0 < order.get(to, end + 1) <= end:
                for i in range(order[to], end + 1):
                    times[i] *= TRIPS
    return [instructions[place] for place, count in zip(places, times, strict=True) for _ in range(count)]


def backwards(
    header: int, instructions: list[Instruction], labels: dict[str, int], formula: bool
) -> Iterator[tuple[int, list[int]]]:
    """What is reached from a loop's header, each after all that follows it, with where it goes on.

    Wherever the compiler put it; the way back of a loop inside is left out.
    """
    seen, above = {header}, {header}
    stack = [(header, successors(header, instructions, labels), iter(successors(header, instructions, labels)))]
    while stack:
        at, onward, left = stack[-1]
        for to in left:
            if to in seen or to >= len(instructions) or (not formula and instructions[to].opcode == "MUFU"):
                continue
            seen.add(to)
            above.add(to)
            following = successors(to, instructions, labels)
            stack.append((to, following, iter(following)))
            break
        else:
            stack.pop()
            above.discard(at)
            yield at, [to for to in onward if to == header or to not in above]


def resources(cubin: Path) -> dict[str, tuple[int, int]]:
    """Registers and bytes of stack of every kernel."""
    usage = run(tool("cuobjdump"), "--dump-resource-usage", cubin)
    found = re.findall(r"Function (\S+):\s+REG:(\d+) STACK:(\d+)", usage)
    return {name: (int(registers), int(stack)) for name, registers, stack in found}


def row(kernel: Kernel, cubin: Path) -> list[str]:
    """The kernel's line of the table."""
    demangled = {name: run("c++filt", name) for name in resources(cubin)}
    name = next(name for name, text in demangled.items() if re.search(re.escape(kernel.symbol), text))
    instructions, labels = next(code[1:] for code in disassemble(cubin) if code[0] == name)
    registers, stack = resources(cubin)[name]
    if stack:
        raise SystemExit(f"{kernel.name} has a stack frame of {stack} bytes: it spills")
    path = [each for half in kernel.halves for each in main_path(instructions, labels, half)]
    turn = 128 / kernel.pixels  # a thread's count, per pixel

    def words(*opcodes: str) -> float:
        return turn * sum(each.words for each in path if each.opcode in opcodes)

    counts = Counter(each.opcode for each in path)
    slots = turn * len(path)
    pipe = turn * sum(count for opcode, count in counts.items() if FMA_PIPE.fullmatch(opcode))
    shared = words("LDS", "STS")
    clocks = max(slots / 128, shared / 32)
    blocks = min(
        REGISTERS // (-(-registers // 8) * 8 * kernel.threads),
        WARPS * 32 // kernel.threads,
        SHARED // (kernel.shared + SHARED_OF_BLOCK),
    )
    return [
        kernel.name,
        f"{pipe:.0f}",
        f"{slots - pipe:.0f}",
        f"{counts['SHFL'] * turn:.0f}",
        f"{4 * shared:.0f}",
        f"{4 * words('LDG', 'LDGSTS', 'STG'):.1f}",
        str(registers),
        f"{kernel.shared / 1024:.1f}",
        f"{blocks * kernel.threads // 32}",
        "issue" if slots / 128 >= shared / 32 else "shared memory",
        f"{kernel.floor:.0f}",
        f"**{kernel.floor / 128 / clocks:.0%}**",
    ]


HEADER = [
    "kernel",
    "FMA pipe",
    "other",
    "shuffles",
    "shared, bytes",
    "global, bytes",
    "registers",
    "shared, KiB a block",
    "warps of 64",
    "limit",
    "floor",
    "predicted share",
]

PAGE = """# Budget of the CUDA kernels: a prediction

Written by `python -m benchmarks.sass_budget` from the machine code for {architecture}. **No figure here is measured.**

Instructions and bytes are those of the main loop, per pixel and channel of float32 images that are 1920 wide, whose
strips are cut so that the columns that complete nothing are counted in. "Share" is the floor (docs/architecture.md) of
what the loop takes if it issues an instruction every clock; rows above a strip's first, waiting and launches are not in
it. The gradient's counts are of both halves of its block; the halving's are as if every row completed coarse pixels,
where it is every other one.

{table}
"""


def main() -> None:
    """Print the table and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "cuda_budget.md")
    output: Path = parser.parse_args().output
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for kernel in KERNELS:
            cubin = Path(folder) / f"{kernel.source}.cubin"
            if not cubin.exists():
                includes = [f"-I{ROOT / path}" for path in ("cpp/include", "cpp/src", "cuda/include")]
                source = ROOT / "cuda" / "src" / f"{kernel.source}.cu"
                run(
                    tool("nvcc"), "-std=c++20", "-O3", f"-arch={ARCHITECTURE}", "-cubin", *includes, "-o", cubin, source
                )
            rows.append(row(kernel, cubin))
    lines = [HEADER, ["---"] * len(HEADER), *rows]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    output.write_text(PAGE.format(architecture=ARCHITECTURE, table=table))
    sys.stdout.write(f"{table}\n\n{output} is written; none of it is measured\n")


if __name__ == "__main__":
    main()
