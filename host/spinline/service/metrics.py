"""The newest snapshot as Prometheus reads it (text exposition format 0.0.4).  Pure."""

from __future__ import annotations

from spinline.service.snapshot import NO_NUMBER, STALE, Snapshot


def metrics_text(seen: Snapshot, readers_n: int) -> str:
    """A line a number.  A stale or bad number is left out: its absence is what Prometheus shows."""
    status = seen.status
    mode = f'mode="{status["mode"]}"'
    batch = f'{mode},batch="{status["batch"]}"'
    lines = [
        "# TYPE spinline_up gauge",
        f"spinline_up{{{mode}}} 1",
        "# TYPE spinline_batch_state gauge",
        f'spinline_batch_state{{{batch},state="{status["state"]}"}} 1',
        "# TYPE spinline_batch_produced_seconds gauge",
        f"spinline_batch_produced_seconds{{{batch}}} {seen.batch['produced_s']}",
        "# TYPE spinline_committed_timestamp_seconds gauge",
        f"spinline_committed_timestamp_seconds{{{mode}}} {status['committed_us'] / 1e6:.3f}",
        "# TYPE spinline_readers gauge",
        f"spinline_readers{{{mode}}} {readers_n}",
        "# TYPE spinline_node_answers gauge",
        *(f'spinline_node_answers{{{mode},node="{node["name"]}"}} {int(node["answers"])}' for node in status["nodes"]),
        "# TYPE spinline_alarms_standing gauge",
        *(
            f'spinline_alarms_standing{{{mode},priority="{priority}"}} {number}'
            for priority, number in status["alarms"]["standing"].items()
        ),
        "# TYPE spinline_number gauge",
        *(
            f'spinline_number{{{mode},tag="{tag}",unit="{value["unit"]}"}} {value["number"]:g}'
            for tag, value in seen.values["values"].items()
            if value["quality"] not in (STALE, NO_NUMBER, "bad")
        ),
    ]
    return "\n".join(lines) + "\n"
