"""The endpoint's log: one JSON object a line, for machines and for grep.

What may be logged: methods, paths of known routes, statuses, sentences, a client's network. What
may not: credentials, API keys, user names, query strings, whole client addresses.
"""

import json
import logging
import time
from typing import Final, TextIO

from turnfleet.api import limits

LOGGER: Final = "turnfleet"
_BUILT_IN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Writes a record and its ``extra`` fields as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{second}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update((k, v) for k, v in vars(record).items() if k not in _BUILT_IN)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def to(stream: TextIO, *, level: int = logging.INFO) -> logging.Handler:
    """Send the log of turnfleet and its server to ``stream``; return the handler, to remove it."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    for name in (LOGGER, "aiohttp.server"):
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.addHandler(handler)
        logger.propagate = False
    return handler


def network(address: str) -> str:
    """Return as much of a client's address as a log needs: an IPv4 /24, or an IPv6 /64."""
    client = limits.network(address)
    return f"{client.rpartition('.')[0]}.0/24" if "." in client else client
