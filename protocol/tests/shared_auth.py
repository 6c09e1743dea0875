"""Keys and tags: the published HMAC vectors, the way from a site's key to a session's, and the guard (SPEC 6)."""

from plain import Chance, refused

from spinline_protocol import auth, errors, framing, messages

SITE = bytes(range(32))


def test_the_published_vectors_of_hmac_sha256_hold():
    """RFC 4231, cases 1, 2, 3 and 6."""
    cases = (
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (
            b"\xaa" * 131,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    )
    for key, message, digest in cases:
        assert auth.hmac_sha256(key, message).hex() == digest


def test_every_key_on_the_way_to_a_session_depends_on_all_it_is_made_of():
    def made(site=SITE, role=auth.OPERATOR, device=b"12345678", host=b"h" * 8, board=b"d" * 8, session=7):
        of_device = auth.device_key(auth.role_key(site, role), device)
        return auth.session_key(of_device, host, board, device, session)

    keys = [made(), made(site=bytes(32)), made(role=auth.MAINTENANCE), made(device=b"12345679"), made(host=b"H" * 8)]
    keys += [made(board=b"D" * 8), made(session=7 << 8)]
    assert len(set(keys)) == len(keys) and all([len(key) == auth.KEY_BYTES for key in keys])
    assert made() == keys[0]


def test_a_tag_proves_its_octets_and_no_bit_of_them_may_differ():
    key = auth.role_key(SITE, auth.OPERATOR)
    octets = b"\x10\x01\x00\x61 a frame"
    tagged = octets + auth.tag_of(key, octets)
    assert auth.proves(key, tagged)
    for at in range(len(tagged)):
        for bit in range(8):
            changed = tagged[:at] + bytes([tagged[at] ^ 1 << bit]) + tagged[at + 1 :]
            assert not auth.proves(key, changed)
    assert not auth.proves(key, tagged, 1) and not auth.proves(bytes(32), tagged)
    for cut in range(len(tagged)):
        assert not auth.proves(key, tagged[:cut])


def test_two_texts_are_the_same_only_where_every_byte_is():
    chance = Chance(4)
    for _ in range(300):
        one, other = chance.octets(chance.below(9)), chance.octets(chance.below(9))
        assert auth.same(one, other) == (one == other) and auth.same(one, one)


def test_every_request_of_the_table_has_its_role_and_an_unknown_one_needs_the_highest():
    listed = [number for number, _role in auth.ROLE_NEEDED]
    requests = [row[0] for row in messages.rows() if row[2] == framing.REQUEST]
    assert sorted(listed) == sorted(requests)
    assert auth.role_needed(messages.JOURNAL) == auth.VIEWER
    assert auth.role_needed(messages.COMMAND) == auth.OPERATOR
    assert auth.role_needed(messages.PROVISION) == auth.role_needed(0x7F) == auth.MAINTENANCE


def test_only_a_role_of_the_table_is_a_role():
    assert [auth.role_of(name) for name in auth.ROLES] == [auth.VIEWER, auth.OPERATOR, auth.MAINTENANCE]
    for name in ("", "Operator", "root", 1, None, b"operator", []):
        assert refused(errors.BadFrame, auth.role_of, name)


def test_five_failures_refuse_for_two_seconds():
    guard = auth.Guard()
    for now_us in range(4):
        guard.failed(now_us)
    assert not guard.refusing(10)
    guard.failed(10)
    assert guard.refusing(10) and guard.refusing(10 + auth.REFUSING_US - 1)
    assert not guard.refusing(10 + auth.REFUSING_US) and guard.failures_n == 5


def test_a_number_belongs_to_the_round_in_which_it_is_near():
    for sequence, near, wraps, of in ((5, 3, 2, 2), (65534, 3, 2, 1), (2, 65535, 2, 3), (65535, 65535, 0, 0)):
        assert auth.wraps_of(sequence, near, wraps) == of


def test_a_tag_travels_behind_the_payload_and_counts_in_the_length():
    key = auth.role_key(SITE, auth.OPERATOR)
    control = framing.REQUEST | framing.AUTHENTICATED
    wire = framing.encode(3, 0, control, 9, 1, b"\x92\x10\x01", lambda octets: auth.tag_of(key, octets))
    (frame,) = framing.FrameReader(False).feed(wire)
    assert frame.authenticated and frame.kind == framing.REQUEST and frame.payload == b"\x92\x10\x01"
    assert frame.octets[0] == len(frame.octets) == 8 + 3 + 8 and auth.proves(key, frame.octets)


def test_a_frame_too_short_for_the_tag_it_claims_is_noise():
    reader = framing.FrameReader(False)
    for count in range(framing.TAG_BYTES):
        assert reader.feed(framing.encode(3, 0, framing.AUTHENTICATED, 9, 1, bytes(count))) == []
    assert reader.noise_n == framing.TAG_BYTES
