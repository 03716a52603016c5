"""What a command needs to talk to an endpoint of somebody's: an API key, and whom to trust."""

import argparse
import ssl
from pathlib import Path
from typing import Final

from turnfleet.commands import output
from turnrelay import turn

_KEY_MAX: Final = 4096


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--key-file", type=Path, metavar="FILE", help="file with the API key of the endpoint"
    )
    parser.add_argument(
        "--ca", type=Path, metavar="FILE", help="PEM of a private CA to trust besides the system's"
    )
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="do not verify certificates (then proves nothing about TLS)",
    )


def read_key(path: Path | None) -> str | None:
    """Return the API key in a file, or ``None`` without one."""
    if path is None:
        return None
    try:
        with path.open(encoding="ascii") as file:
            key = file.read(_KEY_MAX).strip()
    except OSError as error:
        raise output.Failure(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise output.Failure(f"{path} does not hold an API key") from error
    if not key or not key.isprintable() or " " in key:
        raise output.Failure(f"{path} does not hold an API key")
    return key


def trust(ca: Path | None, *, insecure: bool) -> ssl.SSLContext:
    """Return the context that certificates are verified by."""
    context = turn.verifier()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if ca is not None:
        try:
            context.load_verify_locations(cafile=ca)
        except ssl.SSLError as error:
            raise output.Failure(f"{ca} is not a PEM certificate") from error
        except OSError as error:
            raise output.Failure(f"cannot read {ca}: {error.strerror}") from error
    return context
