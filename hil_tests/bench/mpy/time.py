"""Shadow of ``time`` in the bench: virtual time; waiting is the exchange with the bench."""

import bus


def ticks_ms():
    return bus.start_ticks_ms + bus.spent_us // 1000 & bus.TICKS_MASK


def ticks_us():
    return bus.start_ticks_us + bus.spent_us & bus.TICKS_MASK


def ticks_add(ticks, delta):
    return ticks + delta & bus.TICKS_MASK


def ticks_diff(end, start):
    return (end - start + 0x20000000 & bus.TICKS_MASK) - 0x20000000


def sleep_us(us):
    bus.spent_us += us


def sleep_ms(ms):
    bus.exchange(bus.now_ms + bus.spent_us // 1000 + ms)
