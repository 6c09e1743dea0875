"""Runs on MicroPython: times of sending and receiving beside u-msgpack-python and C json, and growth of the heap.

    micropython bench_protocol_on_board.py ROOT speed UMSGPACK_FOLDER | ROOT heap FRAMES

Prints a name and a number a line.  Works take turns, and the fastest turn of each counts.
"""

import gc
import json
import sys
import time
from array import array

try:
    from typing import Any
except ImportError:
    pass  # MicroPython has no types, and does not ask for them

ROOT = sys.argv[1]
for _place in ("protocol/tests", "firmware", "protocol"):
    sys.path.insert(0, ROOT + "/" + _place)

from plain import Chance  # type: ignore[import-not-found]  # noqa: E402

from spinline_firmware.control.recorder import Recorder  # noqa: E402
from spinline_protocol import framing, messages  # noqa: E402
from spinline_protocol.device_link import DeviceLink  # noqa: E402
from spinline_protocol.packer import Packer, unpack  # noqa: E402
from spinline_protocol.quantities import TEMPERATURE  # noqa: E402

CALLS_N = 20
TURNS_N = 300
ZONES_N = 8
SCANS_A_SECOND = 4  # the melt node: its frames hold about one second
IMAGE_WORDS = 1024
INPUT_WORDS = 16
RING_BYTES = 4096
SESSION = 0x4A17
STATE, FLAGS = 2, 8
SCANS = Packer(messages.SCANS, messages.fields_of(messages.SCANS))
TO_HOST = framing.FROM_DEVICE | framing.TELEMETRY


class Moment:
    """Stands for every class of datetime; nothing here sends a time."""

    def __init__(self, *given: object, **named: object) -> None:
        pass


class Stand:
    """Stands for a module or a part of one that MicroPython lacks; has what umsgpack reads when it loads."""

    datetime = timedelta = tzinfo = Moment
    Hashable = object
    OrderedDict = dict
    utc = None
    mant_dig = 53
    version_info = (3, 11, 0)
    maxsize = sys.maxsize


Stand.timezone = Stand.float_info = Stand.abc = Stand  # type: ignore[attr-defined]


def load_umsgpack(folder: str) -> "Any":
    """The package as it is installed; what MicroPython lacks is stood in for while it loads."""
    modules = sys.modules  # type: Any
    for name in ("datetime", "collections.abc", "collections", "sys"):
        modules[name] = Stand
    sys.path.insert(0, folder)
    umsgpack = __import__("umsgpack")
    modules["sys"] = sys
    return umsgpack


def fastest(works: "Any") -> "Any":
    """Nanoseconds a call of the fastest turn of each work."""
    best = [0] * len(works)
    for _ in range(TURNS_N):
        for i in range(len(works)):
            work = works[i]
            gc.collect()
            started = time.time_ns()
            for _ in range(CALLS_N):
                work()
            took = (time.time_ns() - started) // CALLS_N
            best[i] = took if best[i] == 0 else min(best[i], took)
    return best


def sending(umsgpack: "Any", scans_n: int) -> "Any":
    """Scans of eight zones in one frame, from the image of each scan to bytes for the wire, in three ways."""
    image = array("i", [0] * IMAGE_WORDS)
    recorder = Recorder([(0, i, TEMPERATURE) for i in range(ZONES_N)], image, bytearray(RING_BYTES))
    places = [int(recorder._table[4 * i]) for i in range(ZONES_N)]
    for i in range(ZONES_N):
        image[places[i]] = 199_000 + 313 * i

    def ours() -> "Any":
        for _ in range(scans_n):
            recorder.record(STATE, FLAGS)
        first = recorder.next_scan - scans_n
        payload = SCANS.pack((first, recorder.oldest_scan(), recorder.read(first, scans_n)))
        return framing.encode(0, 1, TO_HOST, SESSION, first & 0xFFFF, payload)

    def numbers() -> "Any":
        message = [messages.SCANS, 70_000, 60_000]
        for _ in range(scans_n):
            message += [STATE, FLAGS, 0]
            message += [image[place] for place in places]
        return message

    def framed(payload: bytes) -> bytes:  # a peer's payload may be longer than a frame: sent in pieces
        octets = b""
        while payload:
            octets += framing.encode(0, 1, TO_HOST, SESSION, 7, payload[: framing.PAYLOAD_BYTES_MAX])
            payload = payload[framing.PAYLOAD_BYTES_MAX :]
        return octets

    return ours, lambda: framed(umsgpack.packb(numbers())), lambda: framed(json.dumps(numbers()).encode())


def receiving(umsgpack: "Any") -> "Any":
    """One SET_SETPOINT, from bytes of the wire to a list of numbers, in three ways and the same framing."""
    order = [messages.SET_SETPOINT, 3, 182_500, 1024]
    wires = []
    for payload in (umsgpack.packb(order), json.dumps(order).encode()):
        wires.append(framing.encode(1, 0, framing.REQUEST, SESSION, 7, payload))
    reader = framing.FrameReader(False)
    assert unpack(reader.feed(wires[0])[0].payload) == order

    def ours() -> "Any":
        return unpack(reader.feed(wires[0])[0].payload)

    def with_umsgpack() -> "Any":
        return umsgpack.unpackb(reader.feed(wires[0])[0].payload)

    def with_json() -> "Any":
        return json.loads(reader.feed(wires[1])[0].payload)

    payload = umsgpack.packb(order)
    return ours, with_umsgpack, with_json, lambda: unpack(payload), lambda: umsgpack.unpackb(payload)


def speed(folder: str) -> None:
    """Time all works."""
    umsgpack = load_umsgpack(folder)
    names: Any = ("send", "send.umsgpack", "send.json", "single", "single.umsgpack", "single.json")
    names = names + ("receive", "receive.umsgpack", "receive.json", "decode", "decode.umsgpack")
    works = list(sending(umsgpack, SCANS_A_SECOND)) + list(sending(umsgpack, 1)) + list(receiving(umsgpack))
    for i, took in enumerate(fastest(works)):
        print(names[i], took)


def opened() -> "DeviceLink":
    """A board's link that knows no session: every good frame is read to its end and dropped, answers are none."""
    return DeviceLink(1, lambda *told: (), lambda count: bytes(count), None, lambda: 0)


def mixture() -> "list[bytes]":
    """Good frames, spoiled ones, cut ones, hostile messages and noise; the same every time."""
    chance = Chance(20260101)
    good = framing.encode(1, 0, framing.REQUEST, SESSION, 7, bytes((0x94, 0x11, 3, 0xCE, 0, 2, 200, 228, 0xCD, 4, 0)))
    found = []
    for i in range(64):
        spoiled = bytearray(good)
        spoiled[1 + chance.below(len(good) - 2)] ^= 1 << chance.below(8)
        hostile = framing.encode(1, 0, framing.REQUEST, SESSION, i, chance.octets(chance.below(200)))
        bomb = framing.encode(1, 0, framing.REQUEST, SESSION, i, b"\xdc\xff\xff" + b"\x91" * chance.below(200))
        found += [good, bytes(spoiled), good[: chance.below(len(good))], hostile, bomb, chance.octets(100)]
    return found


def heap(frames_n: int) -> None:
    """Bytes by which the heap has grown after so many pieces of the mixture."""
    link, pieces = opened(), mixture()
    before = fed = 0
    while True:
        if fed >= len(pieces) and before == 0:  # everything has been seen once: caches and buffers stand
            gc.collect()
            before = gc.mem_alloc()  # type: ignore[attr-defined]
            fed = 0
        if before and fed >= frames_n and fed % len(pieces) == 0:
            break
        link.receive(pieces[fed % len(pieces)])
        link.requests.clear()
        fed += 1
    gc.collect()
    print("frames", fed)
    print("growth", gc.mem_alloc() - before)  # type: ignore[attr-defined]


if __name__ == "__main__":
    if sys.argv[2] == "speed":
        speed(sys.argv[3])
    else:
        heap(int(sys.argv[3]))
