"""The STUN codec: the RFC's own samples, round trips, and bytes from anyone."""

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from turnrelay import stun

# RFC 5769, with the password of section 2.
KEY = b"VOkJxbRl1RmTxUk/WvJxBt"
TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)
RESPONSE_IPV4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)
RESPONSE_IPV6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c"
    "8292c275bfe3ed4180280004c8fb0b4c"
)
LONG_TERM = bytes.fromhex(
    "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382af"
    "e382b90000" + "0015001c662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b"
    "6578616d706c652e6f72670000080014f67024656dd64a3e02b8e0712e85c9a28ca89666"
)


@pytest.mark.parametrize("sample", [REQUEST, RESPONSE_IPV4, RESPONSE_IPV6])
def test_the_samples_of_rfc_5769_are_authentic(sample: bytes) -> None:
    message = stun.decode(sample)
    assert message.transaction == TRANSACTION
    assert message.method == stun.Method.BINDING
    assert stun.authentic(sample, key=KEY)
    assert not stun.authentic(sample, key=b"another")


def test_the_mapped_addresses_of_rfc_5769_are_read() -> None:
    mapped = stun.Attribute.XOR_MAPPED_ADDRESS
    assert stun.decode(RESPONSE_IPV4).address(mapped) == ("192.0.2.1", 32853)
    assert stun.decode(RESPONSE_IPV6).address(mapped) == (
        "2001:db8:1234:5678:11:2233:4455:6677",
        32853,
    )


def test_the_long_term_sample_of_rfc_5769_is_authentic() -> None:
    message = stun.decode(LONG_TERM)
    username = message.text(stun.Attribute.USERNAME)
    realm = message.text(stun.Attribute.REALM)
    assert username == "マトリックス"
    assert realm == "example.org"
    # The password of the sample is TheMatrIX with code points that SASLprep maps away.
    key = stun.long_term_key(username=username, realm=realm, password="TheMatrIX")
    assert stun.authentic(LONG_TERM, key=key)


messages = st.builds(
    stun.Message,
    method=st.integers(0, 0xFFF),
    kind=st.sampled_from(stun.Kind),
    transaction=st.binary(min_size=12, max_size=12),
    attributes=st.lists(
        st.tuples(
            st.integers(0, 0xFFFF).filter(
                lambda kind: (
                    kind not in {stun.Attribute.MESSAGE_INTEGRITY, stun.Attribute.FINGERPRINT}
                )
            ),
            st.binary(max_size=40),
        ),
        max_size=6,
    ).map(tuple),
)


@given(messages, st.booleans())
def test_what_is_written_is_read_again(message: stun.Message, fingerprint: bool) -> None:  # noqa: FBT001 - a strategy
    assert stun.decode(stun.encode(message, fingerprint=fingerprint)) == message


@given(messages, st.binary(min_size=1, max_size=20), st.booleans())
def test_a_signed_message_is_authentic_and_nothing_behind_the_signature_counts(
    message: stun.Message,
    key: bytes,
    fingerprint: bool,  # noqa: FBT001 - a strategy
) -> None:
    data = stun.encode(message, key=key, fingerprint=fingerprint)
    assert stun.authentic(data, key=key)
    assert not stun.authentic(data, key=key + b"!")
    forged = stun.encode(
        stun.Message(
            method=message.method,
            kind=message.kind,
            transaction=message.transaction,
            attributes=(*stun.decode(stun.encode(message, key=key)).attributes, (0x0014, b"evil")),
        )
    )
    assert stun.decode(forged).attributes[: len(message.attributes)] == message.attributes
    assert (0x0014, b"evil") not in stun.decode(forged).attributes[len(message.attributes) :]


@given(
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)),
    st.integers(0, 65535),
    st.binary(min_size=12, max_size=12),
)
def test_an_address_survives_packing(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int, transaction: bytes
) -> None:
    address = stun.Address(str(ip), port)
    packed = stun.pack_address(address, transaction=transaction)
    assert stun.unpack_address(packed, transaction=transaction) == address


def read_everything(data: bytes) -> None:
    message = stun.decode(data)
    stun.authentic(data, key=KEY)
    for attribute in stun.Attribute:
        message.text(attribute)
    for read in (
        lambda: message.address(stun.Attribute.XOR_RELAYED_ADDRESS),
        lambda: message.address(stun.Attribute.XOR_PEER_ADDRESS),
        message.refusal,
        message.lifetime,
    ):
        try:
            read()
        except stun.Malformed:
            continue


@given(st.binary(max_size=200))
@example(b"")
@example(REQUEST[:-1])
def test_bytes_from_anyone_raise_nothing_but_malformed(data: bytes) -> None:
    try:
        read_everything(data)
    except stun.Malformed:
        return


@given(st.sampled_from([REQUEST, RESPONSE_IPV6, LONG_TERM]), st.data())
def test_damaged_messages_raise_nothing_but_malformed(sample: bytes, data: st.DataObject) -> None:
    damaged = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(sample) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_everything(bytes(damaged))
    except stun.Malformed:
        return


@given(st.binary(max_size=12))
def test_a_frame_of_a_stream_is_sized_or_malformed(prefix: bytes) -> None:
    try:
        size = stun.frame_size(prefix)
    except stun.Malformed:
        assert prefix[0] >> 6 or prefix[3] % 4
        return
    assert (size is None) == (len(prefix) < 4)
    assert size is None or size % 4 == 0


@pytest.mark.parametrize(
    ("value", "sentence"),
    [(b"\0\0\x04", "without"), (b"\0\0\x02\x63", "outside"), (b"\0\0\x04\x64", "outside")],
)
def test_an_error_code_out_of_range_is_malformed(value: bytes, sentence: str) -> None:
    message = stun.Message(
        method=stun.Method.ALLOCATE,
        kind=stun.Kind.ERROR,
        transaction=TRANSACTION,
        attributes=((stun.Attribute.ERROR_CODE, value),),
    )
    with pytest.raises(stun.Malformed, match=sentence):
        message.refusal()


def test_a_wrong_fingerprint_is_malformed() -> None:
    with pytest.raises(stun.Malformed, match="fingerprint"):
        stun.decode(REQUEST[:-1] + b"\0")


def test_a_message_that_cannot_be_written_is_a_programming_error() -> None:
    huge = stun.Message(
        method=stun.Method.SEND,
        kind=stun.Kind.INDICATION,
        transaction=TRANSACTION,
        attributes=((stun.Attribute.DATA, bytes(70_000)),),
    )
    with pytest.raises(ValueError, match="does not fit"):
        stun.encode(huge)
    with pytest.raises(ValueError, match="12 bytes"):
        stun.encode(stun.Message(method=1, kind=stun.Kind.REQUEST, transaction=b"short"))
