"""MicroPython's prompt on the bench's serial line: friendly, raw and raw-paste, as the reference describes it ("The
MicroPython Interactive Interpreter Mode").  The unix port has no raw mode; what is run is run by the real interpreter.
"""

import gc
import io
import sys

import bus

STEP_MS = 5
IDLE_MS, BUSY_STEPS_N = 50, 20  # between looks, when so many of them have found nothing
WINDOW_BYTES = 256  # of pasted text that may be under way
PASTE = "R\1" + chr(WINDOW_BYTES & 255) + chr(WINDOW_BYTES >> 8)
RAW = "raw REPL; CTRL-B to exit\r\n>"
FRIENDLY = "MicroPython v%s; bench\r\n>>> " % ".".join([str(word) for word in sys.implementation.version[:3]])
CTRL_A, CTRL_B, CTRL_C, CTRL_D, CTRL_E, RETURN = 1, 2, 3, 4, 5, 13


class Prompt:
    """``take`` each octet; what it says goes out by the serial line."""

    def __init__(self):
        self._names = {"__name__": "__main__", "print": self._print}
        self._raw = False
        self._line = bytearray()
        self._asking = 0  # octets of the question for the paste mode that have come
        self._room = 0  # octets of pasted text until the next word that more may come; 0: nothing is pasted
        say(FRIENDLY)

    def take(self, octet):
        if self._room:
            self._take_pasted(octet)
        elif octet == CTRL_A:
            paste, self._asking = self._asking == 2, 0
            self._raw, self._line = True, bytearray()
            self._room = WINDOW_BYTES if paste else 0
            say(PASTE if paste else RAW)
        elif octet == CTRL_B:
            self._raw, self._line = False, bytearray()
            say(FRIENDLY)
        elif octet == CTRL_C:
            self._line = bytearray()
            say("" if self._raw else "\r\n>>> ")
        elif self._raw and octet == CTRL_E and not self._line:
            self._asking = 1
        elif self._asking == 1 and octet == 65:
            self._asking = 2
        elif self._raw and octet == CTRL_D:
            self._run_raw()
        elif not self._raw and octet == RETURN:
            self._run_line()
        elif self._raw or 32 <= octet < 127:
            self._line.append(octet)
            if not self._raw:
                say(chr(octet))

    def _take_pasted(self, octet):
        if octet == CTRL_D:
            self._room = 0
            self._run_told("\4")
            return
        if octet == CTRL_C:
            self._room, self._line = 0, bytearray()
            say("\4\4KeyboardInterrupt\r\n\4>")
            return
        self._line.append(octet)
        self._room -= 1
        if not self._room:
            self._room = WINDOW_BYTES
            say("\1")

    def _run_raw(self):
        if not self._line:
            self._names = {"__name__": "__main__", "print": self._print}
            say("OK\r\nMPY: soft reboot\r\n" + RAW)
            return
        self._run_told("OK")

    def _run_told(self, taken):
        """Run what has come, behind the word that it has."""
        say(taken)
        bus.exchange(bus.now_ms + STEP_MS)  # it has left before what is run may end the board
        error = self._run(bytes(self._line).decode())
        self._line = bytearray()
        gc.collect()
        say("\x04" + error + "\x04>")

    def _run_line(self):
        text = bytes(self._line).decode()
        self._line = bytearray()
        say("\r\n" + (self._run(text) if text.strip() else "") + ">>> ")

    def _run(self, text):
        """The traceback, or nothing."""
        try:
            exec(text, self._names)
        except SystemExit:
            raise
        except BaseException as error:
            told = io.StringIO()
            sys.print_exception(error, told)
            return told.getvalue().replace("\n", "\r\n")
        return ""

    @staticmethod
    def _print(*words, sep=" ", end="\r\n"):
        say(sep.join([str(word) for word in words]) + end)


def say(text):
    """On the serial line."""
    bus.transmitted += text.encode()


def serve():
    """For ever: what comes by the serial line."""
    prompt, idle_n = Prompt(), 0
    while True:
        bus.watchdog_fed = 1
        bus.exchange(bus.now_ms + (STEP_MS if idle_n < BUSY_STEPS_N else IDLE_MS))
        octets, bus.received = bus.received, b""
        idle_n = 0 if octets else idle_n + 1
        for octet in octets:
            prompt.take(octet)
