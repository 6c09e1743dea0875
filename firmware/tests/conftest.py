"""Lets pytest run the plain test files (shared_*.py), which MicroPython runs too, and find what they import."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(place) for place in (HERE, ROOT / "protocol" / "tests") if str(place) not in sys.path]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "pytest.Module | None":
    """The plain test files of this folder are tests."""
    if file_path.parent == HERE and file_path.match("shared_*.py"):
        return pytest.Module.from_parent(parent, path=file_path)
    return None
