"""Ratio, feed-forward and lease: small kernels, tried at every extreme that a configuration allows."""

from plain import Chance

from spinline_firmware.control.lease import Lease
from spinline_firmware.control.ratio import feed_forward, ratio_setpoint
from spinline_protocol.configuration import MANTISSA_MAX, SHIFT_MAX

MASTERS = (-200000, -199999, -513, -512, -511, -1, 0, 1, 510, 511, 512, 513, 65535, 65536, 450000, 499999, 500000)
RATIOS = (0, 1, 7, 511, 512, 4095, 4096, 4097, 7373, 32767, 32768, 65534, 65535)
MANTISSAS = (0, 1, 511, 512, 2047, 2048, MANTISSA_MAX)
SMALL = 1 << 30


def test_a_ratio_setpoint_is_within_two_counts_of_exact():
    for master in MASTERS:
        for ratio in RATIOS:
            assert -2 * 4096 <= 4096 * ratio_setpoint(master, ratio) - master * ratio <= 2 * 4096


def test_a_ratio_setpoint_of_chance_is_within_two_counts_of_exact():
    chance = Chance(11)
    for _ in range(5000):
        master, ratio = chance.between(-200000, 500000), chance.between(0, 65535)
        assert -2 * 4096 <= 4096 * ratio_setpoint(master, ratio) - master * ratio <= 2 * 4096


def test_a_ratio_of_one_is_exact():
    for master in MASTERS:
        assert ratio_setpoint(master, 4096) == master


def test_a_larger_ratio_or_master_never_gives_a_smaller_setpoint():
    for ratio in RATIOS:
        found = [ratio_setpoint(master, ratio) for master in MASTERS]
        assert found == sorted(found)
    for master in MASTERS:
        if master >= 0:
            found = [ratio_setpoint(master, ratio) for ratio in RATIOS]
            assert found == sorted(found)


def test_no_product_of_a_ratio_reaches_2_to_the_30():
    for master in MASTERS:
        assert abs(master >> 9) * 65535 < SMALL and (master & 511) * 65535 < SMALL


def test_a_feed_forward_is_within_two_counts_of_exact_and_within_its_limits():
    for setpoint in MASTERS:
        for mantissa in MANTISSAS:
            for shift in range(SHIFT_MAX + 1):
                output = feed_forward(setpoint, mantissa, shift)
                exact = setpoint * mantissa >> shift
                cut = -131072 if exact < -131072 else 131072 if exact > 131072 else exact
                assert -131072 <= output <= 131072 and -2 <= output - cut <= 2


def test_a_feed_forward_of_nothing_is_nothing():
    assert feed_forward(0, MANTISSA_MAX, 0) == 0 == feed_forward(500000, 0, 0)


def test_a_node_at_rest_needs_no_lease():
    lease = Lease(5000, 3000)
    for _ in range(100):
        assert not lease.tick(100, False)
    assert not lease.hold and not lease.valid() and not lease.exhausted()


def test_a_lease_that_is_not_renewed_runs_out_once():
    lease = Lease(5000, 3000)
    lease.renew(2000)
    told = [lease.tick(100, True) for _ in range(40)]
    assert told == [False] * 19 + [True] + [False] * 20
    assert lease.hold and not lease.valid()


def test_a_lease_that_is_renewed_never_runs_out():
    lease = Lease(5000, 3000)
    for i in range(1000):
        if i % 19 == 0:
            lease.renew(2000)
        assert not lease.tick(100, True)
    assert not lease.hold


def test_a_renewal_does_not_end_a_hold_and_a_release_does():
    lease = Lease(5000, 3000)
    lease.tick(100, True)
    lease.renew(2000)
    lease.tick(100, True)
    assert lease.hold and lease.valid()
    lease.release()
    assert not lease.hold and not lease.tick(100, True)


def test_a_hold_is_exhausted_after_its_time_and_not_before():
    lease = Lease(1000, 500)
    lease.tick(100, True)
    for _ in range(9):
        lease.tick(100, True)
        assert not lease.exhausted()
    lease.tick(100, True)
    assert lease.exhausted()


def test_each_hold_has_its_full_time():
    lease = Lease(1000, 500)
    for _ in range(3):
        lease.release()
        lease.tick(100, True)
        for _ in range(9):
            lease.tick(100, True)
        assert lease.hold and not lease.exhausted()


def test_a_node_that_becomes_active_without_a_lease_holds_at_once():
    lease = Lease(1000, 500)
    lease.tick(100, False)
    assert lease.tick(100, True) and lease.hold
