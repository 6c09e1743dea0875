"""The pinned packages: hashed, without any address, and the same list everywhere it is written."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+) \\$", re.MULTILINE)


def asked_for(name: str) -> list[str]:
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def names(asked: list[str]) -> set[str]:
    """Packages without the versions they may have."""
    return {re.split(r"[<>=~!]", name)[0] for name in asked}


def test_the_supervisors_packages_are_the_same_in_the_project_and_in_the_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == asked_for("runtime.in")


def test_the_project_can_be_built_with_what_is_pinned() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert names(build) <= names(asked_for("development.in"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_pin_has_a_hash_and_no_line_has_an_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text and not re.search(r"^\s*(-i|-f|--(?!hash))", text, re.MULTILINE)
    pins = re.split(r"^(?=\S+==)", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE), flags=re.MULTILINE)
    pins = [pin for pin in pins if pin.strip()]
    assert pins and all(PINNED.match(pin) and "--hash=sha256:" in pin for pin in pins)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_everything_asked_for_is_pinned(lock: Path) -> None:
    pinned = {name.lower() for name, _version in PINNED.findall(lock.read_text())}
    assert names(asked_for(f"{lock.stem}.in")) <= pinned


def test_one_package_has_one_version_everywhere() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in PINNED.findall(lock.read_text()):
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}
