"""The serial line of a node: its own, or a bus on which it speaks in its turn only (SPEC 8).  Interprets nothing."""

import time

from .drivers.board_io import open_input, open_uart

OWN_ADDRESS = 1  # on a line of its own nobody asks for it
BUFFER_BYTES = 1024
PIECE_MS = 10  # of what did not fit at once: so much at a time while the node waits for its next scan
GAP_BYTES = 2  # from the last bit of a question to the first of the answer: the host's driver lets go of the bus


def bus_address(board) -> int:  # type: ignore[no-untyped-def]
    """Address that the board's switch is set to, the first pin counting 1; 0 is a line of its own."""
    address = 0
    for i in range(len(board.BUS_ADDRESS)):
        address |= open_input(board, board.BUS_ADDRESS[i]).value() << i
    return address


class Wire:
    """The UART of a node, opened once.  ``address`` and ``on_bus`` are what the switch of the board says."""

    def __init__(self, board) -> None:  # type: ignore[no-untyped-def]
        number, transmit, receive = board.UART
        address = bus_address(board)
        self.on_bus = address != 0
        self.address = address or OWN_ADDRESS
        self._gap_us = GAP_BYTES * 10000000 // board.BAUD
        self._at_once_bytes = board.TX_BUFFER_BYTES  # an empty buffer takes them; more would hold up the scan
        self._piece_bytes = board.BAUD * PIECE_MS // 10000
        self._rest = b""  # what this scan has to send and the buffer did not take
        self._looked_us = time.ticks_us()
        self._uart = open_uart(board, number, transmit, receive, board.BAUD, BUFFER_BYTES)

    def look(self, link) -> None:  # type: ignore[no-untyped-def]
        """Hand over what has come; on a bus also answer, if it was a question to this node and nobody spoke since."""
        octets = self._uart.read()
        now_us = time.ticks_us()
        age_us = time.ticks_diff(now_us, self._looked_us)
        self._looked_us = now_us
        if octets:
            link.receive(octets, age_us)
            if self.on_bus:
                answer = link.take_output(BUFFER_BYTES)
                if answer:
                    time.sleep_us(self._gap_us)
                    self._uart.write(answer)

    def send(self, link, most: int) -> None:  # type: ignore[no-untyped-def]
        """At the end of a scan on a line of its own: what the line carries until the next; never waits."""
        if not self.on_bus:
            octets = link.take_output(max(0, most - len(self._rest)))  # in one statement: a frame on the heap
            self._rest += octets
            self._put(self._at_once_bytes)

    def _put(self, count: int) -> None:
        if self._rest and count:
            self._uart.write(self._rest[:count])
            self._rest = self._rest[count:]

    def wait(self, link, due) -> None:  # type: ignore[no-untyped-def]
        """Until the next scan is due (ticks in ms); on a bus the host's questions are answered meanwhile.

        What is left to send goes in pieces, each written when the one before has gone: also a UART that keeps nothing
        and holds up its writer (stm32) is done before the scan is due.
        """
        wait_ms = time.ticks_diff(due, time.ticks_ms())
        while self.on_bus and wait_ms > 0:
            time.sleep_ms(1)
            self.look(link)
            wait_ms = time.ticks_diff(due, time.ticks_ms())
        while self._rest and wait_ms > 2 * PIECE_MS:
            if self._at_once_bytes:
                time.sleep_ms(PIECE_MS)
            self._put(self._piece_bytes)
            wait_ms = time.ticks_diff(due, time.ticks_ms())
        if wait_ms > 0:
            time.sleep_ms(wait_ms)
