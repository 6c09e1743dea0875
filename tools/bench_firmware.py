"""What the compiled firmware takes of a board: bytes of its files, heap behind the start with rings and configuration.

The heap is that of the 32-bit interpreter; machine code lies outside of it there and inside of it on a board, so it is
counted from the files that a board with an ARM processor gets, and taken off, too.
"""

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from hil_tests.bench.board_files import compiled, image_of, lay_out, slot_sources
from hil_tests.bench.interpreters import find_interpreter
from hil_tests.bench.node_process import BENCH_MODULES
from hil_tests.bench.provisioning import BOOT_MS
from hil_tests.bench.run import LINE_R1, RECIPE_R1
from spinline.recipe.compiler import compile_node
from spinline.recipe.line_model import load_line
from spinline.recipe.reading import read_recipe
from spinline_firmware.kept import Kept
from spinline_protocol.configuration import TABLES
from spinline_protocol.schema import schema_sha256
from tools.bench_row import Row
from tools.mpy_file import MpyFile

NODE, HEAP_BYTES = "melt", 192 * 1024
HEAP_FREE_BYTES = 96 * 1024
SEARCH_BYTES = 8 * 1024  # how finely the smallest heap is sought
SCANS_N = 20
RUN_S_MAX = 30
MPY_BYTES_MAX = 16384
BOARD_FORM = "armv7emsp"  # of an RP2350


def files() -> Sequence[Row]:
    """Sizes of the compiled files."""
    sizes = [len(file.octets) for file in image_of(slot_sources()).files.values()]
    return [
        Row("firmware.mpy_bytes", sum(sizes), "bytes", "lower", len(sizes)),
        Row("firmware.mpy_bytes.largest_file", max(sizes), "bytes", "lower", len(sizes), None, None, MPY_BYTES_MAX),
    ]


def board_with_configuration(folder: Path) -> None:
    """A board's files with the melt node's configuration kept in them, as the firmware itself keeps it."""
    lay_out(folder)
    line, recipe = load_line(LINE_R1), read_recipe(RECIPE_R1)
    made = compile_node(line, next(node for node in line.node if node.name == NODE), recipe)
    kept = Kept(schema_sha256(), f"{folder}/")
    tables = [[words for of, words in made.rows if of == table] for table in range(len(TABLES))]
    kept.keep(tables, bytes(table for table, _words in made.rows), made.sha256)
    while kept.waits():
        kept.step()


def started(folder: Path, heap_bytes: int) -> dict[str, int] | None:
    """Bytes of bench, firmware and what is free behind some scans; None where the heap did not suffice."""
    command = [*find_interpreter().command, "-X", f"heapsize={heap_bytes}", str(BENCH_MODULES / "heap.py")]
    arguments = [str(BENCH_MODULES), str(folder), str(SCANS_N)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=RUN_S_MAX)
    told = dict(line.split() for line in done.stdout.splitlines() if len(line.split()) == 2)
    return {name: int(told[name]) for name in ("bench", "firmware", "free", "scan_ms")} if "free" in told else None


def heap() -> Sequence[Row]:
    """Raw: free of what was given; net: without what the bench's models take, with the machine code of a board."""
    machine_code = 0
    for path, source in slot_sources().items():
        machine_code += MpyFile(compiled(source, path, BOARD_FORM)).machine_code_bytes
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "board")
        board_with_configuration(folder)
        least = HEAP_BYTES
        while (found := started(folder, least)) is None:
            least += SEARCH_BYTES
    free = found["free"] - (least - HEAP_BYTES)
    note = f"it starts in {least // 1024} kB and more; what is below zero is missing in 192 kB"
    prefix = "firmware.heap_free_after_boot"
    return [
        Row(prefix, free + found["bench"], "bytes", "higher", 1, None, None, HEAP_FREE_BYTES, note),
        Row(f"{prefix}.raw", free, "bytes", "higher", 1),
        Row(f"{prefix}.bench", found["bench"], "bytes", "lower", 1),
        Row(f"{prefix}.firmware", found["firmware"], "bytes", "lower", 1),
        Row(f"{prefix}.machine_code", machine_code, "bytes", "lower", 1),
        Row(f"{prefix}.net_with_machine_code", free + found["bench"] - machine_code, "bytes", "higher", 1),
        Row(
            "firmware.boot_to_first_scan_s", (BOOT_MS + found["scan_ms"]) / 1000, "s", "lower", 1, None, None, 2.0,
            "50 ms to boot.py and waits of the firmware; not counted: time of the processor, and of reading flash",
        ),
    ]  # fmt: skip


FIRMWARE: tuple[tuple[str, Callable[[], Sequence[Row]]], ...] = (("flash", files), ("flash", heap))
