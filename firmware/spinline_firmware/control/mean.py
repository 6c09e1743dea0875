"""Mean and change of one input over minutes, in whole numbers and few words.  It never judges.

The window is BLOCKS_N blocks of scans; the mean moves at the end of a block and covers the last full ones.  Before the
first block has ended it is the mean of what there is.  A block has at most 1024 scans and a number is within 2^19, so
the sum of a block is below 2^29 and the sum of the blocks' means below 2^23.
"""

from array import array

from spinline_protocol.configuration import MEAN_BLOCK_SCANS_MAX, MEAN_BLOCKS_N
from spinline_protocol.quantities import BAD

from .image import QUALITY


def _rounded(total: int, n: int) -> int:
    return (total + (n >> 1)) // n


class Mean:
    """The mean of the input at word ``at`` of the image over the window, within 1.  Bad numbers are left out."""

    def __init__(self, at: int, block_scans: int) -> None:
        self._at = at
        self._block_scans = max(1, min(MEAN_BLOCK_SCANS_MAX, block_scans))
        self._blocks = array("i", bytes(4 * MEAN_BLOCKS_N))
        self._block_i = self._blocks_n = 0
        self._sum = self._n = 0
        self._judged = 0

    def take(self, image) -> int:  # type: ignore[no-untyped-def]
        """The number of this scan; returns what is judged."""
        if image[self._at + QUALITY] != BAD:
            self._sum += image[self._at]
            self._n += 1
            if self._n >= self._block_scans:
                self._end_block()
            elif not self._blocks_n:
                self._judged = self._begun()
        return self._judged

    def _begun(self) -> int:
        """What is judged before the first block has ended."""
        return _rounded(self._sum, self._n)

    def _end_block(self) -> None:
        blocks = self._blocks
        blocks[self._block_i] = _rounded(self._sum, self._n)
        self._block_i = self._block_i + 1 if self._block_i + 1 < MEAN_BLOCKS_N else 0
        self._blocks_n = min(self._blocks_n + 1, MEAN_BLOCKS_N)
        self._sum = self._n = 0
        self._judged = self._of_blocks()

    def _of_blocks(self) -> int:
        total = 0
        for i in range(self._blocks_n):
            total += self._blocks[i]
        return _rounded(total, self._blocks_n)


class Change(Mean):
    """The newest block less the oldest there is, at most BLOCKS_N - 1 blocks back."""

    def _begun(self) -> int:
        return 0

    def _of_blocks(self) -> int:
        newest = self._block_i - 1 if self._block_i else MEAN_BLOCKS_N - 1
        return self._blocks[newest] - self._blocks[self._block_i if self._blocks_n == MEAN_BLOCKS_N else 0]
