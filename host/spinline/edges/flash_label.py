"""The label of a controller: 62 mm wide, as SVG for any printer: line and controller, version, hash, day, QR code."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

import segno

WIDTH_MM, HEIGHT_MM = 62.0, 29.0  # of a common endless label
MARGIN_MM = 3.0  # four modules of the code: its quiet zone
HASH_DIGITS = 8
TITLE_CHARACTERS = 26  # what fits beside the code
FONT = "DejaVu Sans, Arial, sans-serif"


def label_svg(line: str, controller: str, version: str, firmware_sha256: str, day: str, device_id: str) -> str:
    """The label as SVG.  The QR code holds the same in words, with blanks between."""
    digits = firmware_sha256[:HASH_DIGITS]
    code = segno.make(f"spinline {controller} {version} {digits} {day} {device_id}", error="m", micro=False)
    side_mm = HEIGHT_MM - 2 * MARGIN_MM
    scale = side_mm / code.symbol_size(border=0)[0]
    path = code.svg_inline(scale=scale, border=0, omitsize=True)
    path = path[path.index("<path") : path.index("</svg>")]
    text_x = 2 * MARGIN_MM + side_mm
    rows = [
        (line[:TITLE_CHARACTERS], 2.6, "normal"),
        (controller, 5.2, "bold"),
        (f"version {version}", 3.4, "normal"),
        (f"{digits}  {day}", 3.0, "normal"),
        (device_id, 2.4, "normal"),
    ]
    texts, y_mm = "", MARGIN_MM + 1.5
    for words, size_mm, weight in rows:
        y_mm += size_mm * 1.15
        style = f'font-size="{size_mm}" font-weight="{weight}"'
        texts += f'<text x="{text_x:g}" y="{y_mm:.2f}" {style}>{escape(words)}</text>\n'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH_MM:g}mm" height="{HEIGHT_MM:g}mm" '
        f'viewBox="0 0 {WIDTH_MM:g} {HEIGHT_MM:g}" font-family="{FONT}">\n'
        f'<rect width="{WIDTH_MM:g}" height="{HEIGHT_MM:g}" fill="white"/>\n'
        f'<g transform="translate({MARGIN_MM:g} {MARGIN_MM:g})">{path}</g>\n{texts}</svg>\n'
    )


def write_label(folder: Path, name: str, svg: str) -> Path:
    """The label's file.  Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.svg"
    path.write_text(svg, encoding="utf-8")
    return path
