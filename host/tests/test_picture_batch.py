"""The picture of a batch is written, has its size, and shows something in every row."""

from pathlib import Path

import matplotlib.image
import numpy
import pytest

from host.tests.test_record_batch import LINE, Plan, write_batch
from spinline.errors import BadFile
from spinline.record.journal import Journal
from spinline.record.picture import draw_picture


def _pixels(path: Path) -> numpy.ndarray:
    return matplotlib.image.imread(path)[:, :, :3]


def test_the_picture_of_a_batch_shows_something_in_every_row(tmp_path):
    plan = Plan(heating_min=2, threading_min=1, running_min=4, completing_min=2, noise=0.3)
    draw_picture(write_batch(tmp_path / "journal.sqlite", plan), LINE, tmp_path / "trends.png")
    pixels = _pixels(tmp_path / "trends.png")
    assert pixels.shape == (1400, 1600, 3)
    coloured = pixels.max(axis=2) - pixels.min(axis=2) > 0.3  # lines and bands, neither ink nor paper
    rows_of_picture = numpy.array_split(coloured[150:1340, 130:1340], 10)
    assert all(part.sum() > 300 for part in rows_of_picture)


def test_the_same_journal_gives_the_same_picture(tmp_path):
    journal = write_batch(tmp_path / "journal.sqlite", Plan(0.5, 0.5, 1, 0.5))
    for name in ("one.png", "two.png"):
        draw_picture(journal, LINE, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_a_journal_without_scans_gives_a_picture_that_says_so(tmp_path):
    Journal.create(tmp_path / "journal.sqlite").close()
    draw_picture(tmp_path / "journal.sqlite", LINE, tmp_path / "trends.png")
    assert _pixels(tmp_path / "trends.png").min() < 0.5


def test_there_is_no_picture_of_what_is_no_journal(tmp_path):
    with pytest.raises(BadFile, match="there is no journal here"):
        draw_picture(tmp_path / "journal.sqlite", LINE, tmp_path / "trends.png")
    assert not (tmp_path / "trends.png").exists()
