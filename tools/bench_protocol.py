"""What the wire is measured by, in this order.  Lists; it measures nothing itself."""

from collections.abc import Callable, Sequence

from tools.bench_protocol_board import device_command_receive, device_heap_growth, device_telemetry_send
from tools.bench_protocol_bus import bus_poll_hz
from tools.bench_protocol_damage import undetected_corruptions
from tools.bench_protocol_session import (
    clock_bound_violations,
    commands_twice_or_lost,
    hold_after_host_death,
    scan_time_error,
)
from tools.bench_protocol_speed import host_decode_fps, host_encode_fps
from tools.bench_protocol_wire import bytes_per_sample, frames_lost_per_garbage_burst, noise_accepted
from tools.bench_row import Row

PROTOCOL: tuple[tuple[str, Callable[[], Sequence[Row]]], ...] = (
    ("protocol.undetected_corruptions", undetected_corruptions),
    ("protocol.frames_lost_per_garbage_burst", frames_lost_per_garbage_burst),
    ("protocol.noise_accepted", noise_accepted),
    ("protocol.bytes_per_sample_8ch", bytes_per_sample),
    ("protocol.device_telemetry_send", device_telemetry_send),
    ("protocol.device_command_receive", device_command_receive),
    ("protocol.device_heap_growth", device_heap_growth),
    ("protocol.host_encode_fps", host_encode_fps),
    ("protocol.host_decode_fps", host_decode_fps),
    ("protocol.commands_twice_or_lost", commands_twice_or_lost),
    ("protocol.clock_bound_violations", clock_bound_violations),
    ("protocol.scan_time_error", scan_time_error),
    ("protocol.hold_after_host_death", hold_after_host_death),
    ("protocol.bus_poll_hz", bus_poll_hz),
)
