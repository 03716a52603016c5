"""What a Secret of type kubernetes.io/tls holds: its leaf, and whether its key fits. Total.

The key is looked at once, so that a pair that relays will refuse is told of before any of them
does; no part of it is kept or told.
"""

import dataclasses
from collections.abc import Iterator
from typing import Final

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import types

from turnfleet.kube import fields, holding, secret
from turnfleet.plan.cluster import observed
from turnrelay import contract

_UNREADABLE: Final = (
    ValueError,
    TypeError,
    exceptions.UnsupportedAlgorithm,
    x509.InvalidVersion,
)
_NAMELESS: Final = (
    *_UNREADABLE,
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


def read(key: holding.Key, found: fields.Object | None) -> observed.Certificate:
    """Return what a Secret holds; ``found`` ``None``: there is no such Secret."""
    if found is None:
        missing = f"there is no Secret {key.name} in namespace {key.namespace}"
        return observed.Certificate(present=False, problem=missing)
    told, problem = _certificate(found)
    if problem:
        problem = f"the Secret {key.name} cannot be used: {problem}"
    return dataclasses.replace(told, version=holding.version(found), problem=problem)


def _certificate(found: fields.Object) -> tuple[observed.Certificate, str]:
    """Return what can be told of a certificate, and what is wrong with the pair."""
    chain = secret.entry(found, contract.TLS_CERTIFICATE)
    if chain is None:
        return observed.Certificate(), f"it has no {contract.TLS_CERTIFICATE}, or an empty one"
    try:
        leaf = x509.load_pem_x509_certificate(chain)
        told = observed.Certificate(
            fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
            not_before=leaf.not_valid_before_utc.timestamp(),
            not_after=leaf.not_valid_after_utc.timestamp(),
            names=tuple(_names(leaf)),
        )
        public = _public(leaf.public_key())
    except _UNREADABLE:
        broken = f"its {contract.TLS_CERTIFICATE} holds no certificate in PEM that can be read"
        return observed.Certificate(), broken
    return told, _misfit(public, secret.entry(found, contract.TLS_KEY))


def _names(leaf: x509.Certificate) -> Iterator[str]:
    try:
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except _NAMELESS:
        return  # a name in the subject alone is one that no browser looks at
    for name in extension.value:
        match name:
            case x509.DNSName(value=host) if fields.address(host) is None:
                yield host.lower()  # clients look for addresses elsewhere (RFC 9525, 6.5)
            case x509.IPAddress(value=address):
                yield str(address)


def _misfit(public: bytes, key: bytes | None) -> str:
    """Return why a certificate's public key and a key are no pair; nothing where they are."""
    if key is None:
        return f"it has no {contract.TLS_KEY}, or an empty one"
    try:
        # Whether an RSA key is sound would take long to find out, and is not for here to say.
        opened = serialization.load_pem_private_key(key, None, unsafe_skip_rsa_key_validation=True)
        fits = _public(opened.public_key()) == public
    except TypeError:
        return f"its {contract.TLS_KEY} is encrypted; relays have no password for it"
    except _UNREADABLE:
        return f"its {contract.TLS_KEY} holds no private key in PEM that can be read"
    return "" if fits else f"its {contract.TLS_KEY} is not the key of its certificate"


def _public(key: types.PublicKeyTypes) -> bytes:
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
