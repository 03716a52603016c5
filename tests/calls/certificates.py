"""Which certificate a relay shows to whoever connects."""

import asyncio
import ssl
from typing import Final

from tests.calls import scenario

_EVERY: Final = 0.2


async def served(address: str, port: int, pem: bytes, *, trusted: ssl.SSLContext) -> None:
    """Wait until a relay shows the first certificate of a file."""
    wanted = ssl.PEM_cert_to_DER_cert(pem.decode())

    async def shown() -> bool:
        return await shown_by(address, port, trusted=trusted) == wanted

    await scenario.until(shown, every=_EVERY)


async def shown_by(address: str, port: int, *, trusted: ssl.SSLContext) -> bytes | None:
    """Return the certificate that a relay shows, in DER."""
    _, writer = await asyncio.open_connection(address, port, ssl=trusted)
    try:
        certificate: bytes | None = writer.get_extra_info("ssl_object").getpeercert(
            binary_form=True
        )
        return certificate
    finally:
        writer.transport.abort()
