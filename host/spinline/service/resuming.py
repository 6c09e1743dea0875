"""Nobody resumes blindly: what a person is shown before a resume, and the proof that this is what was shown.  Pure.

The proof is a hash of what was shown.  It holds for one entry of the batch into its state, and for a short while.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from typing import Any

from spinline.errors import Refused
from spinline.service.snapshot import Snapshot, temperatures

SHOWN_N_MAX = 32
SHOWN_US_MAX = 300_000_000  # temperatures of five minutes ago say little
PROOF_DIGITS_N = 12
RESUMABLE = ("UNSUPERVISED", "HELD")


class Shown:
    """What was shown lately, by its proof."""

    def __init__(self) -> None:
        self._shown: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def show(self, seen: Snapshot, record: dict[str, Any]) -> dict[str, Any]:
        """What ran, the gap and the temperatures, with their proof.  Raises Refused where nothing is to be resumed.

        ``record``: what the journal says of the time since the line was left (batches.record_of).
        """
        status = seen.status
        if status["state"] not in RESUMABLE:
            raise Refused(f"resume is not possible in {status['state']} (possible: {', '.join(status['possible'])})")
        warm = temperatures(seen.values)
        for node in status["nodes"]:
            told = [number for tag, number in warm.items() if tag.startswith(f"{node['name']}.")]
            if node["answers"] and told and all(number is None for number in told):
                raise Refused(f"the temperatures of {node['name']} are not known yet: look again in a moment")
        nodes = [{key: node[key] for key in ("name", "answers", "state", "in_hold")} for node in status["nodes"]]
        view = {
            "mode": status["mode"],
            "at_us": status["at_us"],
            "batch": status["batch"],
            "state": status["state"],
            "entered_us": status["entered_us"],
            "in_state_s": status["in_state_s"],
            "nodes": nodes,
            "unattended": seen.batch["unattended"],
            "record": record,
            "temperatures": warm,
            "alarms": status["alarms"],
        }
        proof = hashlib.sha256(json.dumps(view, sort_keys=True).encode()).hexdigest()[:PROOF_DIGITS_N]
        self._shown[proof] = view
        while len(self._shown) > SHOWN_N_MAX:
            self._shown.popitem(last=False)
        return view | {"shown": proof}

    def words_of(self, proof: str, status: dict[str, Any]) -> str:
        """What the record says was shown.  Raises Refused where it was not, too long ago, or before something else."""
        view = self._shown.get(proof)
        if view is None:
            raise Refused(f"{proof!r} was not shown; look at what ran, the gap and the temperatures first")
        if (view["state"], view["entered_us"]) != (status["state"], status["entered_us"]):
            raise Refused(f"what was shown was of {view['state']}; the line is in {status['state']} now: look again")
        if status["at_us"] - view["at_us"] > SHOWN_US_MAX:
            raise Refused(f"what was shown is {(status['at_us'] - view['at_us']) // 1_000_000} s old: look again")
        ran = ", ".join(f"{node['name']} {node['state']}" + " in hold" * node["in_hold"] for node in view["nodes"])
        lost = view["record"]["lost"]
        known = {tag: number for tag, number in view["temperatures"].items() if number is not None}
        warm = ", ".join(f"{tag.removesuffix('.pv')} {number:.1f}" for tag, number in known.items())
        alone = view["unattended"]
        away = f"; nobody supervised for {alone['seconds']:.0f} s" if alone else ""
        return f"shown {proof}: {ran}{away}; {lost} scans lost; degC: {warm}"
