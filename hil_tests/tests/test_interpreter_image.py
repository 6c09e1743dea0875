"""MicroPython onto a board that has none: images, boot drives, ROM loaders; what is not for a board is refused."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.bench.bare_boards import ABSOLUTE, READ_REGISTER, RP2040, RP2350, SYNC, RomLoader, boot_drive, uf2
from spinline.edges import interpreter
from spinline.edges.bundle import BoardPart, Bundle
from spinline.edges.found_boards import Found, Place
from spinline.line.firmware_image import FirmwareImage, SlotFile
from spinline.line.flash_messages import FlashStopped
from spinline.line.interpreter_image import board_id_of, judge_image

IMAGE = FirmwareImage("any", {"app.mpy": SlotFile("0" * 64, b"M\x06")}, "1.2.3")
ESP32_IMAGE, ESP32S3_IMAGE = (b"\xe9" + bytes(11) + bytes([chip]) + bytes(40) for chip in (0, 9))
UF2 = uf2(RP2350, b"MicroPython" * 100)


def bundle(**images: bytes) -> Bundle:
    """Boards by name with their images."""
    ports = {"pico": "rp2", "pico2": "rp2", "rp2350b": "rp2", "esp32": "esp32", "esp32s3": "esp32", "pybd": "stm32"}
    return Bundle(
        "1.2.3",
        {
            name: BoardPart(port, "armv6m", IMAGE, {}, ("interpreter", images[name]) if name in images else None)
            for name, port in ports.items()
        },
        "",
    )


@pytest.fixture
def drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An RP2350's boot drive, mounted at a folder with a space in its name."""
    mounts = tmp_path / "mounts"
    mounts.write_text("proc /proc proc rw 0 0\n" + boot_drive(tmp_path / "boot drive", "RP2350"))
    monkeypatch.setattr(interpreter, "MOUNTS", mounts)
    return tmp_path / "boot drive"


@pytest.fixture
def no_drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PC without one."""
    (tmp_path / "mounts").write_text("")
    monkeypatch.setattr(interpreter, "MOUNTS", tmp_path / "mounts")


@pytest.fixture
def rom_loader() -> Iterator[RomLoader]:
    """An ESP32 that waits for its image."""
    loader = RomLoader()
    loader.start()
    yield loader
    loader.close()


def stopped(code: str) -> pytest.RaisesExc[FlashStopped]:
    return pytest.RaisesExc(FlashStopped, check=lambda error: error.code == code)


@given(content=st.binary(min_size=1, max_size=2000), cut=st.integers(1, 511))
def test_a_uf2_file_says_whose_it_is_and_none_that_was_cut_or_changed_is_taken(content: bytes, cut: int) -> None:
    whole = uf2(RP2040, content)
    assert board_id_of(whole) == "RPI-RP2"
    assert board_id_of(uf2(ABSOLUTE, b"first") + uf2(RP2350, content)) == "RP2350"
    others = [whole[:-cut], whole[cut:], whole[512:], whole + whole[-512:], b"\0" + whole[1:], uf2(7, content)]
    for other in [*others, whole + uf2(RP2350, content)]:
        with pytest.raises(ValueError, match="it is for|no UF2|it does not hold"):
            board_id_of(other)


@pytest.mark.parametrize(
    ("board", "port", "architecture", "name", "image", "told"),
    [
        ("pico", "rp2", "armv6m", "i.uf2", UF2, "it is for a RP2350, and pico is a RPI-RP2"),
        ("pico2", "rp2", "armv7em", "i.bin", UF2, "takes a .uf2 file"),
        ("esp32", "esp32", "xtensawin", "i.bin", ESP32S3_IMAGE, "it is for the ESP32-S3, and not for the esp32"),
        ("esp32s3", "esp32", "xtensawin", "i.bin", UF2, "does not begin as an image"),
    ],
)
def test_an_image_for_another_board_gets_into_no_bundle(
    board: str, port: str, architecture: str, name: str, image: bytes, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        judge_image(board, port, architecture, name, image)
    judge_image("pico2", "rp2", "armv7em", "i.uf2", UF2)
    judge_image("esp32", "esp32", "xtensawin", "i.bin", ESP32_IMAGE)


def test_a_uf2_file_is_copied_onto_the_boot_drive_of_its_board(drive: Path) -> None:
    interpreter.bring_interpreter("melt", [], bundle(pico=uf2(RP2040, b"no"), rp2350b=UF2), "")
    assert (drive / interpreter.UF2_NAME).read_bytes() == UF2


def test_a_drive_of_another_board_is_refused_and_nothing_is_written(drive: Path) -> None:
    for images, board, code in [
        ({"pico": uf2(RP2040, b"no")}, "", "wrong-drive"),
        ({"pico": uf2(RP2040, b"no"), "pico2": UF2}, "pico", "wrong-drive"),
        ({"pico2": UF2, "rp2350b": uf2(RP2350, b"another")}, "", "which-kind"),
        ({"esp32": ESP32_IMAGE}, "", "no-interpreter"),
    ]:
        with stopped(code):
            interpreter.bring_interpreter("melt", [], bundle(**images), board)
    with stopped("which-board"):
        interpreter.bring_interpreter("melt", [Found(Place("/dev/x"))], bundle(pico2=UF2), "")
    assert [file.name for file in drive.iterdir()] == ["INFO_UF2.TXT"]


def test_a_drive_that_does_not_take_the_file_is_told(drive: Path) -> None:
    (drive / interpreter.UF2_NAME).mkdir()
    with stopped("not-set-up"):
        interpreter.bring_interpreter("melt", [], bundle(pico2=UF2), "")


@pytest.mark.usefixtures("no_drive")
def test_a_controller_that_runs_is_never_given_an_interpreter() -> None:
    busy = FlashStopped("port-busy", port="/dev/x", who="cat (process 7)")
    found = [Found(Place("/dev/x"), {"device_id": b"1"}), Found(Place("/dev/y"), problem=busy)]
    with stopped("not-found"):
        interpreter.bring_interpreter("melt", found, bundle(pico2=UF2), "")


@pytest.mark.usefixtures("no_drive")
def test_what_to_do_for_a_board_that_this_command_cannot_write_is_said() -> None:
    silent = [Found(Place("/dev/x"))]
    for images, board, code in [
        ({"esp32": ESP32_IMAGE}, "pybd", "by-hand"),
        ({"esp32": ESP32_IMAGE, "esp32s3": ESP32S3_IMAGE}, "", "which-kind"),
        ({"pico2": UF2}, "", "no-interpreter"),
    ]:
        with stopped(code):
            interpreter.bring_interpreter("melt", silent, bundle(**images), board)


@pytest.mark.wall
@pytest.mark.usefixtures("no_drive")
def test_a_rom_loader_of_another_chip_is_refused_before_anything_is_written(rom_loader: RomLoader) -> None:
    found = [Found(Place(rom_loader.name_of_port))]
    with pytest.raises(FlashStopped, match="melt is a ESP32, and the firmware is for esp32s3") as refused:
        interpreter.bring_interpreter("melt", found, bundle(esp32s3=ESP32S3_IMAGE), "")
    assert refused.value.code == "wrong-board"
    assert {SYNC, READ_REGISTER} <= set(rom_loader.asked), "it spoke with the loader"
    assert max(rom_loader.asked) <= 0x14 and not {0x02, 0x03, 0x05, 0x07, 0x10, 0x11} & set(rom_loader.asked)


LONG_IMAGE = ESP32_IMAGE + bytes(random.Random(5).choices(range(64), k=70_001))  # some blocks; no whole number of words
ESP32_AT = 0x1000


def write_esp32(loader: RomLoader) -> str:
    loader.start()
    try:
        found = [Found(Place(loader.name_of_port))]
        return interpreter.bring_interpreter("melt", found, bundle(esp32=LONG_IMAGE), "")
    finally:
        loader.close()


@pytest.mark.wall
@pytest.mark.usefixtures("no_drive")
def test_an_image_is_written_into_the_flash_of_an_esp32_at_its_place_and_nowhere_else() -> None:
    loader = RomLoader()
    assert write_esp32(loader) == hashlib.sha256(LONG_IMAGE).hexdigest()
    end = ESP32_AT + len(LONG_IMAGE)
    assert loader.flash[ESP32_AT:end] == LONG_IMAGE
    assert not (loader.flash[:ESP32_AT] + loader.flash[end:]).strip(b"\xff")


@pytest.mark.wall
@pytest.mark.usefixtures("no_drive")
@pytest.mark.parametrize(
    ("loader", "why"),
    [
        (partial(RomLoader, wears=True), "MD5 of file does not match"),
        (partial(RomLoader, pulled_at=2), "could not open port"),
    ],
    ids=["it does not keep a bit", "the cable is pulled"],
)
def test_an_image_that_did_not_arrive_whole_is_told_and_counts_as_none(
    loader: Callable[[], RomLoader], why: str
) -> None:
    with pytest.raises(FlashStopped, match=why) as refused:
        write_esp32(loader())
    assert refused.value.code == "not-set-up"


@pytest.mark.wall
@pytest.mark.usefixtures("no_drive")
def test_a_port_without_a_rom_loader_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "CONNECT_ATTEMPTS_N", 1)
    silent = RomLoader()  # not started: it answers nothing
    with pytest.raises(FlashStopped, match="Failed to connect to ESP32") as refused:
        interpreter.bring_interpreter("melt", [Found(Place(silent.name_of_port))], bundle(esp32=ESP32_IMAGE), "")
    assert refused.value.code == "not-set-up"
