"""What the compiled firmware takes of a board: bytes of its files, heap behind the start with rings and configuration.

The heap is that of the 32-bit interpreter; machine code lies outside of it there and inside of it on a board, so it is
counted from the files that a board with an ARM processor gets, and taken off, too.
"""

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from hil_tests.bench.board_files import BOARD, CACHE, image_of, lay_out, lay_rom, slot_sources
from hil_tests.bench.interpreters import find_interpreter
from hil_tests.bench.node_process import BENCH_MODULES
from hil_tests.bench.provisioning import BOOT_MS
from hil_tests.bench.run import LINE_R1, RECIPE_R1
from spinline.edges import firmware_build
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
WIDE_HEAP_BYTES = 1024 * 1024
ALONE = "import gc; gc.collect(); print('alone', gc.mem_alloc())"
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


def told_by(command: Sequence[str]) -> dict[str, int] | None:
    """What the interpreter printed: names and numbers; None where it ended with an error."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S_MAX)
    if done.returncode:
        return None
    return {words[0]: int(words[1]) for words in map(str.split, done.stdout.splitlines()) if len(words) == 2}


def started(folder: Path, heap_bytes: int) -> dict[str, int] | None:
    """Bytes of bench, firmware and what is free behind some scans; None where the heap did not suffice."""
    interpreter = [*find_interpreter().command, "-X", f"heapsize={heap_bytes}"]
    alone = told_by([*interpreter, "-c", ALONE])
    found = told_by([*interpreter, str(BENCH_MODULES / "heap.py"), str(BENCH_MODULES), str(folder), str(SCANS_N)])
    if alone is None or found is None:
        return None
    return {**found, "bench": found["before"] - alone["alone"]}


def least_heap(folder: Path) -> tuple[int, dict[str, int]]:
    """The smallest heap from 192 kB on in which the board starts, and what it told there."""
    least = HEAP_BYTES
    while (found := started(folder, least)) is None:
        least += SEARCH_BYTES
    return least, found


def machine_code_bytes() -> int:
    """Of the firmware as a board with an ARM processor gets it."""
    files = firmware_build.image_of(slot_sources(), BOARD, BOARD_FORM, "", CACHE).files
    return sum(MpyFile(file.octets).machine_code_bytes for file in files.values())


def heap() -> Sequence[Row]:
    """Raw: free of what was given; net: without what the bench takes beside the interpreter and the firmware."""
    machine_code = machine_code_bytes()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "board")
        board_with_configuration(folder)
        from_slot_bytes, from_slot = least_heap(folder)
        lay_rom(folder)
        first = started(folder, WIDE_HEAP_BYTES)  # it writes its image
        assert first is not None
        least, found = least_heap(folder)
    free = found["free"] - (least - HEAP_BYTES) + found["bench"]
    free_from_slot = from_slot["free"] - (from_slot_bytes - HEAP_BYTES) + from_slot["bench"]
    note = f"executed in place from ROM, in {least // 1024} kB and more; rings and the melt node's configuration in it"
    prefix, boot = "firmware.heap_free_after_boot", "firmware.boot_to_first_scan_s"
    counted = "50 ms to boot.py and waits of the firmware; not counted: time of the processor, and of reading flash"
    return [
        Row(prefix, free, "bytes", "higher", 1, None, None, HEAP_FREE_BYTES, note),
        Row(f"{prefix}.firmware", found["firmware"], "bytes", "lower", 1),
        Row(f"{prefix}.bench", found["bench"], "bytes", "lower", 1),
        Row(f"{prefix}.machine_code", machine_code, "bytes", "lower", 1),
        Row(f"{prefix}.net_with_machine_code", free - machine_code, "bytes", "higher", 1),
        Row(
            f"{prefix}.without_rom", free_from_slot, "bytes", "higher", 1, None, None, None,
            f"from the slot, in {from_slot_bytes // 1024} kB and more; what is below zero is missing in 192 kB",
        ),
        Row(boot, (BOOT_MS + found["scan_ms"]) / 1000, "s", "lower", 1, None, None, 2.0, counted),
        Row(
            f"{boot}.image_written", (BOOT_MS + first["scan_ms"]) / 1000, "s", "lower", 1, None, None, None,
            "the first start of another slot: erase and program of its image, typical times of a W25Q128JV",
        ),
    ]  # fmt: skip


FIRMWARE: tuple[tuple[str, Callable[[], Sequence[Row]]], ...] = (("flash", files), ("flash", heap))
