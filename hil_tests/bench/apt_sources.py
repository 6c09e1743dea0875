"""Reads a machine's apt sources and names Debian's own archive among them.  Never writes, never guesses.

Both forms of sources.list(5) are read: one line per entry (`*.list`) and stanzas (`*.sources`).
"""

import re
from dataclasses import dataclass
from pathlib import Path

DEBIAN_SUITES = frozenset(
    "oldoldstable oldstable stable testing unstable sid buster bullseye bookworm trixie forky duke".split()
)
KEY_BLOCK = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s*(?P<components>.*)")
_DEBIAN_PATH = re.compile(r"[/.]debian(?=[/.]|$)")
_DEBIAN_KEYRING = "debian-archive"


@dataclass(frozen=True)
class Archive:
    """One place packages come from.

    `signed_by` is keyring paths, a key's own text, or empty for the keys apt trusts anyway.
    """

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""


def classic_archives(text: str) -> list[Archive]:
    """Entries of a `*.list` file.  Source packages and lines that are no entry are left out."""
    archives = []
    for line in text.splitlines():
        match = _LINE.fullmatch(line.split("#", 1)[0].strip())
        if match is None:
            continue
        options = dict(word.split("=", 1) for word in (match["options"] or "").split() if "=" in word)
        components = tuple(match["components"].split())
        archives.append(Archive(match["uri"], (match["suite"],), components, options.get("signed-by", "")))
    return archives


def stanza_archives(text: str) -> list[Archive]:
    """Entries of a `*.sources` file (deb822), one for each address.  Disabled ones are left out."""
    text = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    archives = []
    for stanza in re.split(r"\n\s*\n", text):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").strip().lower() in (
            "no",
            "false",
        ):
            continue
        suites, components = (
            tuple(fields.get("suites", "").split()),
            tuple(fields.get("components", "").split()),
        )
        signed_by = fields.get("signed-by", "").strip()
        if KEY_BLOCK not in signed_by:
            signed_by = ",".join(signed_by.replace(",", " ").split())
        archives += [Archive(uri, suites, components, signed_by) for uri in fields.get("uris", "").split()]
    return archives


def _fields(stanza: str) -> dict[str, str]:
    """Fields of one stanza by lower-case name.  A line that begins with a blank continues one."""
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line[:1] in (" ", "\t"):
            if name:
                fields[name] += "\n" + ("" if line.strip() == "." else line.strip())
        elif ":" in line:
            name, _, rest = line.partition(":")
            name = name.strip().lower()
            fields[name] = rest.strip()
    return fields


def read_archives(folder: Path) -> list[Archive]:
    """Every entry of one machine; `folder` is apt's own (/etc/apt).  What cannot be read is left out."""
    archives = []
    lists = [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]
    for files, parse in (
        (lists, classic_archives),
        (sorted(folder.glob("sources.list.d/*.sources")), stanza_archives),
    ):
        for file in files:
            try:
                archives += parse(file.read_text(encoding="utf-8", errors="replace"))
            except OSError:
                continue  # a private file of another account says nothing about the archive
    return archives


def debian_archive(archives: list[Archive]) -> Archive | None:
    """The entry with Debian's main archive: not security, not updates, no disc, no third party.  Or None.

    Third parties also write `/debian bookworm main`; they bring a keyring of their own, and so come last.
    """
    candidates = [archive for archive in archives if _may_be_debian(archive)]
    if not candidates:
        return None
    refreshed = {archive.uri for archive in archives if any(suite.endswith("-updates") for suite in archive.suites)}
    return max(candidates, key=lambda archive: (_key_rank(archive), archive.uri in refreshed))


def _may_be_debian(archive: Archive) -> bool:
    if archive.uri.startswith("cdrom:") or "main" not in archive.components:
        return False
    looks_debian = bool(_DEBIAN_PATH.search(archive.uri)) or _DEBIAN_KEYRING in archive.signed_by
    return looks_debian and not DEBIAN_SUITES.isdisjoint(archive.suites)


def _key_rank(archive: Archive) -> int:
    if _DEBIAN_KEYRING in archive.signed_by:
        return 2
    return 0 if archive.signed_by and KEY_BLOCK not in archive.signed_by else 1
