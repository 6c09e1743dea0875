"""The serial line of a node: its own, or a bus on which it speaks in its turn only (SPEC 8).  Interprets nothing."""

import time

import machine

OWN_ADDRESS = 1  # on a line of its own nobody asks for it
BUFFER_BYTES = 1024
GAP_BYTES = 2  # from the last bit of a question to the first of the answer: the host's driver lets go of the bus


def bus_address(pins: "tuple[int, ...]") -> int:
    """Address that the board's switch is set to, the first pin counting 1; 0 is a line of its own."""
    address = 0
    for i in range(len(pins)):
        address |= machine.Pin(pins[i], machine.Pin.IN, machine.Pin.PULL_DOWN).value() << i
    return address


class Wire:
    """The UART of a node, opened once.  ``address`` and ``on_bus`` are what the switch of the board says."""

    def __init__(self, board) -> None:  # type: ignore[no-untyped-def]
        number, transmit, receive = board.UART
        address = bus_address(board.BUS_ADDRESS)
        self.on_bus = address != 0
        self.address = address or OWN_ADDRESS
        self._gap_us = GAP_BYTES * 10000000 // board.BAUD
        self._looked_us = time.ticks_us()
        self._uart = machine.UART(
            number,
            baudrate=board.BAUD,
            tx=machine.Pin(transmit),
            rx=machine.Pin(receive),
            txbuf=BUFFER_BYTES,
            rxbuf=BUFFER_BYTES,
        )

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
        """At the end of a scan on a line of its own: what the line carries until the next."""
        if not self.on_bus:
            octets = link.take_output(most)
            if octets:
                self._uart.write(octets)

    def wait(self, link, due) -> None:  # type: ignore[no-untyped-def]
        """Until the next scan is due (ticks in ms); on a bus the host's questions are answered meanwhile."""
        wait_ms = time.ticks_diff(due, time.ticks_ms())
        while self.on_bus and wait_ms > 0:
            time.sleep_ms(1)
            self.look(link)
            wait_ms = time.ticks_diff(due, time.ticks_ms())
        if wait_ms > 0:
            time.sleep_ms(wait_ms)
