"""What differs between the ports of MicroPython when pins and buses are opened.  No decisions.

On stm32 the number of a bus has its pins, and naming any is refused; its UART takes no size of a send buffer.
"""

import machine

STM32 = "stm32"


def reset_cause(board) -> int:  # type: ignore[no-untyped-def]
    """Why the board started, as a number of `boards.RESETS`; 0 where its chip says nothing that we know."""
    cause = machine.reset_cause()
    return board.RESET_CAUSE[cause] if 0 <= cause < len(board.RESET_CAUSE) else 0


def open_input(board, pin):  # type: ignore[no-untyped-def]
    """A contact: 3.3 V is closed; the chip pulls an open one down or, where it has no pull, the carrier."""
    if pin in board.UNPULLED:
        return machine.Pin(pin, machine.Pin.IN)
    return machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_DOWN)


def open_uart(board, number: int, transmit, receive, baud: int, receive_bytes: int, stop: int = 1):  # type: ignore[no-untyped-def]
    """A UART that never waits for bytes: ``read()`` gives what has come, ``readinto()`` too.  ``stop`` bits: 1 or 2."""
    if board.PORT == STM32:
        return machine.UART(number, baudrate=baud, stop=stop, rxbuf=receive_bytes)
    tx, rx = machine.Pin(transmit), machine.Pin(receive)
    buffers = {"txbuf": board.TX_BUFFER_BYTES, "rxbuf": receive_bytes}
    return machine.UART(number, baudrate=baud, stop=stop, tx=tx, rx=rx, **buffers)


def open_spi(board):  # type: ignore[no-untyped-def]
    """The bus of the temperature converters: mode 1 (MAX31856, table 5; MAX31865, serial interface)."""
    number, clock, out, in_, rate = board.SPI
    if board.PORT == STM32:
        return machine.SPI(number, baudrate=rate, polarity=0, phase=1)
    pin = machine.Pin
    return machine.SPI(number, baudrate=rate, polarity=0, phase=1, sck=pin(clock), mosi=pin(out), miso=pin(in_))


def open_i2c(board):  # type: ignore[no-untyped-def]
    """The bus of the analog converters."""
    number, data, clock, rate = board.I2C
    if board.PORT == STM32:
        return machine.I2C(number, freq=rate)
    return machine.I2C(number, sda=machine.Pin(data), scl=machine.Pin(clock), freq=rate)
