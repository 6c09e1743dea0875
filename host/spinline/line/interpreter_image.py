"""An image of MicroPython: for which chip it is, by its own words.  Pure; raises ValueError in words for a person.

UF2: "USB Flashing Format (UF2)", file format and families.  ESP32: ESP-IDF programming guide, "App Image Format".
"""

from __future__ import annotations

import struct

_BLOCK = struct.Struct("<8I476sI")
_FIRST_MAGIC, _SECOND_MAGIC, _LAST_MAGIC = 0x0A324655, 0x9E5D5157, 0x0AB16F30
_PAYLOAD_BYTES_MAX = 476
BOARD_IDS = {0xE48BFF56: "RPI-RP2", 0xE48BFF59: "RP2350"}  # family: Board-ID of the boot drive that takes it
_ABSOLUTE = 0xE48BFF57  # of the block that goes before RP2350 images of A2 chips (erratum RP2350-E10)
_ESP_MAGIC, _ESP_CHIP_AT, _ESP_HEAD_BYTES = 0xE9, 12, 24
ESP_CHIPS = {"esp32": (0, 0x1000), "esp32s3": (9, 0)}  # chip id in the head, and where in the flash the image begins
_ESP_NAMES = {0: "ESP32", 2: "ESP32-S2", 5: "ESP32-C3", 9: "ESP32-S3", 13: "ESP32-C6"}


def board_id_of(uf2: bytes) -> str:
    """Board-ID of the boot drives that take this UF2 file; every block of it is there, once and in order."""
    if not uf2 or len(uf2) % _BLOCK.size:
        raise ValueError(f"{len(uf2)} bytes are no UF2 file: blocks of {_BLOCK.size}")
    numbers: dict[int, list[tuple[int, int]]] = {}
    for at in range(0, len(uf2), _BLOCK.size):
        first, second, _flags, _address, length, number, blocks_n, family, _content, last = _BLOCK.unpack_from(uf2, at)
        if (first, second, last) != (_FIRST_MAGIC, _SECOND_MAGIC, _LAST_MAGIC) or length > _PAYLOAD_BYTES_MAX:
            raise ValueError(f"no UF2 block begins at byte {at}")
        numbers.setdefault(family, []).append((number, blocks_n))
    numbers.pop(_ABSOLUTE, None)
    families = list(numbers)
    if len(families) != 1 or families[0] not in BOARD_IDS:
        told = ", ".join(f"{family:#x}" for family in families)
        raise ValueError(f"it is for the families {told}, and not for one of {', '.join(BOARD_IDS.values())}")
    blocks = numbers[families[0]]
    if blocks != [(i, len(blocks)) for i in range(len(blocks))]:
        raise ValueError(f"it does not hold each of its {blocks[0][1]} blocks once and in order")
    return BOARD_IDS[families[0]]


def judge_esp(image: bytes, chip: str) -> None:
    """ValueError where this is no image for a chip of ESP_CHIPS."""
    if len(image) < _ESP_HEAD_BYTES or image[0] != _ESP_MAGIC:
        raise ValueError("it does not begin as an image for an ESP32 does")
    chip_id = int.from_bytes(image[_ESP_CHIP_AT : _ESP_CHIP_AT + 2], "little")
    if chip_id != ESP_CHIPS[chip][0]:
        raise ValueError(f"it is for the {_ESP_NAMES.get(chip_id, f'chip {chip_id}')}, and not for the {chip}")


def judge_image(board: str, port: str, architecture: str, name: str, image: bytes) -> None:
    """ValueError where an image in a file of this name cannot be for this kind of board.

    ``architecture`` of mpy-cross, as the board's own file says.  Of images for an stm32 nothing is known.
    """
    suffix = ".uf2" if port == "rp2" else ".bin"
    if not name.endswith(suffix):
        raise ValueError(f"a board of the port {port} takes a {suffix} file")
    if port == "rp2":
        own = "RPI-RP2" if architecture == "armv6m" else "RP2350"  # Cortex-M0+ or M33
        if board_id_of(image) != own:
            raise ValueError(f"it is for a {board_id_of(image)}, and {board} is a {own}")
    elif board in ESP_CHIPS:
        judge_esp(image, board)
