"""The endpoint's log: one JSON object a line, for machines and for grep.

What may be logged: methods, paths, statuses, sentences. What may not: credentials, API keys, user
names, query strings, addresses of clients.
"""

import json
import logging
import time
from typing import Final, TextIO

from aiohttp import http_exceptions

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
    """Send turnfleet's log to ``stream`` as JSON lines; return the handler, to remove it again."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger(LOGGER)
    logger.setLevel(level)
    logger.addHandler(handler)
    logger.propagate = False
    return handler


def server_log() -> logging.Logger:
    """Return the log for aiohttp's server, which writes more than may be logged.

    Of a malformed request it logs the sender's address and the bytes at fault, an Authorization
    header if that is where the fault is.
    """
    logger = logging.getLogger(f"{LOGGER}.server")
    if _without_requests not in logger.filters:
        logger.addFilter(_without_requests)
    return logger


def _without_requests(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, http_exceptions.HttpProcessingError):
        # Anybody can cause these, so they are no error of ours either.
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        record.msg, record.args, record.exc_info = "malformed request refused", (), None
        return logging.getLogger(LOGGER).isEnabledFor(logging.DEBUG)
    if record.args:
        record.msg, record.args = str(record.msg).partition(" from %s")[0], ()
    return True
