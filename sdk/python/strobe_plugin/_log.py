"""Logging to the host: one line of hclog's JSON a record on standard error."""

from __future__ import annotations

import json
import logging
import os
import traceback
from datetime import datetime, timezone
from typing import Any

_STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_LEVELS = {"DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARN": logging.WARNING, "ERROR": logging.ERROR}


def host_level() -> int:
    """Below it the host would throw a record away: STROBE_LOG_LEVEL, "INFO" or "DEBUG-4"; info for other hosts."""
    text = os.environ.get("STROBE_LOG_LEVEL", "").upper()
    for name, level in _LEVELS.items():
        if text.startswith(name):
            rest = text[len(name) :]
            if rest and rest[0] in "+-" and rest[1:].isdigit():
                level = max(1, level + 10 * int(rest) // 4)
            return level
    return logging.INFO


class HostHandler(logging.Handler):
    """Writes a record with its level, logger, message and the pairs of ``extra``."""

    def __init__(self, fd: int = 2) -> None:
        super().__init__()
        self._fd = fd

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a log that nobody reads is no reason to fail."""
        try:
            os.write(self._fd, self.line(record))
        except OSError:
            pass
        except Exception:
            self.handleError(record)

    @staticmethod
    def line(record: logging.LogRecord) -> bytes:
        """The record as a line."""
        line: dict[str, Any] = {
            "@level": _level(record.levelno),
            "@message": record.getMessage(),
            "@timestamp": datetime.fromtimestamp(record.created, timezone.utc).isoformat(),
        }
        if record.name != "root":
            line["@module"] = record.name
        for k, v in record.__dict__.items():
            if k not in _STANDARD and not k.startswith("@"):
                line[k] = v
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = "".join(traceback.format_exception_only(*record.exc_info[:2])).strip()
            line["stack"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, default=str, skipkeys=True).encode("utf-8", "replace") + b"\n"


def _level(n: int) -> str:
    for at_least, name in ((logging.ERROR, "error"), (logging.WARNING, "warn"), (logging.INFO, "info"), (logging.DEBUG, "debug")):
        if n >= at_least:
            return name
    return "trace"


def set_up(fd: int = 2) -> None:
    """Make the root logger log to the host, and warnings with it."""
    root = logging.getLogger()
    for h in list(root.handlers):
        root.removeHandler(h)
    root.addHandler(HostHandler(fd))
    root.setLevel(host_level())
    logging.captureWarnings(True)
