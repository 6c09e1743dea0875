"""The papers a recipe names: certificates of its lots and waivers, each a file beside it.

A paper is refused whole, with the file, the key and what stands there.  A certificate that another one supersedes is
no evidence any more, and one that superseded another proves that the older file was never edited.
"""

import datetime
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from spinline.errors import BadFile, BadInput
from spinline.recipe.certificate import Certificate
from spinline.recipe.models import Recipe
from spinline.recipe.reading import read_certificate, read_model
from spinline.recipe.waiver import Waiver

FOLDER_FILES_MAX = 1000  # certificates beside one another


@dataclass(frozen=True)
class Papers:
    """Certificates by lot, waivers, and the SHA-256 (hex) of each file by its path as the recipe has it."""

    certificates: dict[str, Certificate] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    sha256: dict[str, str] = field(default_factory=dict)


def read_papers(recipe: Recipe, recipe_path: Path, today: datetime.date) -> Papers:
    """Everything the recipe names.  Raises BadInput with every problem of every file."""
    problems: list[str] = []
    found: list[dict[str, Certificate] | tuple[Waiver, ...]] = []
    for read in (lambda: read_certificates(recipe, recipe_path), lambda: read_waivers(recipe, recipe_path, today)):
        try:
            found.append(read())
        except BadInput as refusal:
            problems += refusal.problems
    if problems:
        raise BadInput(problems)
    certificates, waivers = found
    assert isinstance(certificates, dict) and isinstance(waivers, tuple)
    named = [lot.certificate for lot in recipe.resin if lot.certificate] + list(recipe.recipe.waivers)
    return Papers(certificates, waivers, {name: _sha256(recipe_path.parent / name) for name in named})


def read_certificates(recipe: Recipe, recipe_path: Path) -> dict[str, Certificate]:
    """The certificates the recipe names, by lot; lots that name none are left out.

    Raises BadInput when one is absent, is refused, or is of another lot, naming both files.
    """
    certificates: dict[str, Certificate] = {}
    problems: list[str] = []
    for resin in recipe.resin:
        if resin.certificate is None:
            continue
        path = recipe_path.parent / resin.certificate
        named = f"{recipe_path}: lot {resin.lot} names the certificate {path}"
        if not os.path.isfile(path):  # unlike Path.is_file, never raises
            problems.append(f"{named}, and there is no such file")
            continue
        try:
            certificate = read_certificate(path)
        except BadFile as refusal:
            problems += refusal.problems
            continue
        if certificate.lot != resin.lot:
            problems.append(f"{named}, but that is the certificate of lot {certificate.lot}")
        problems += _superseding_problems(path, certificate)
        certificates[resin.lot] = certificate
    if problems:
        raise BadInput(problems)
    return certificates


def read_waivers(recipe: Recipe, recipe_path: Path, today: datetime.date) -> tuple[Waiver, ...]:
    """The waivers the recipe names, as valid on the day ``today``.

    Raises BadInput when one is absent, refused, of another recipe or version, not signed yet, over, or repeated.
    """
    waivers: list[Waiver] = []
    problems: list[str] = []
    header = recipe.recipe
    for name in header.waivers:
        path = recipe_path.parent / name
        try:
            waiver = read_model(path, Waiver)
        except BadFile as refusal:
            problems += refusal.problems
            continue
        problem = waiver.problem(header.name, header.version, today)
        if problem is None and waiver.names in [other.names for other in waivers]:
            problem = f"waives {waiver.names}, which another waiver of this recipe does already"
        problems += [f"{path}: {problem}"] if problem else []
        waivers.append(waiver)
    if problems:
        raise BadInput(problems)
    return tuple(waivers)


def _superseding_problems(path: Path, certificate: Certificate) -> Iterator[str]:
    """What is wrong with the line of certificates in which this one stands; none where it is the newest and whole."""
    for other in sorted(path.parent.glob("*.toml"))[:FOLDER_FILES_MAX]:
        if other == path:
            continue
        try:
            newer = read_certificate(other).supersedes
        except BadFile as refusal:
            yield from refusal.problems  # nobody knows whether it supersedes
            continue
        if newer is not None and newer.certificate == path.name:
            yield f"{path} is superseded by {other.name} ({newer.person}: {newer.reason}): name that one"
    yield from _older_problems(path, certificate)


def _older_problems(path: Path, certificate: Certificate) -> Iterator[str]:
    """The certificate that this one supersedes is there as it was, of the same lot and no younger."""
    told = certificate.supersedes
    if told is None:
        return
    older_path = path.with_name(told.certificate)
    named = f"{path}: supersedes.certificate = {told.certificate!r}"
    if older_path == path or not older_path.is_file():
        yield f"{named} is no other file beside it"
        return
    if _sha256(older_path) != told.sha256:
        yield f"{path}: supersedes.sha256 is not that of {told.certificate}, {_sha256(older_path)}: it was edited"
    older = read_certificate(older_path)
    if older.lot != certificate.lot:
        yield f"{named} is of lot {older.lot}, not {certificate.lot}"
    if older.date > certificate.date:
        yield f"{path}: date = {certificate.date} is before that of {told.certificate}, {older.date}"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
