import json
import logging
import os

import pytest

from strobe_plugin import _log


def lines(f):
    r, w = os.pipe()
    log = logging.getLogger("mine")
    handler = _log.HostHandler(w)
    log.addHandler(handler)
    log.setLevel(1)
    log.propagate = False
    try:
        f(log)
    finally:
        log.removeHandler(handler)
        os.close(w)
    with os.fdopen(r) as out:
        return [json.loads(line) for line in out]


def test_pairs_and_levels():
    got = lines(lambda log: (log.info("loaded %d", 3, extra={"path": "/m", "n": 5, "odd": object}), log.warning("w"), log.debug("d"), log.log(5, "t")))
    assert got[0]["@message"] == "loaded 3" and got[0]["path"] == "/m" and got[0]["n"] == 5 and "object" in got[0]["odd"] and got[0]["@module"] == "mine"
    assert [g["@level"] for g in got] == ["info", "warn", "debug", "trace"]


def test_one_line_whatever_is_logged():
    got = lines(lambda log: (log.error("a\nb\x00 \udcff", extra={"@level": 30, "x\n": "y\n"}), log.info(float("nan"))))
    assert len(got) == 2 and got[0]["@level"] == "error" and got[0]["@message"].startswith("a\nb")


def test_exceptions():
    def f(log):
        try:
            raise ValueError("no weights")
        except ValueError:
            log.exception("load")

    assert lines(f)[0]["error"] == "ValueError: no weights" and "Traceback" in lines(f)[0]["stack"]


@pytest.mark.parametrize("text, level", [("", 20), ("INFO", 20), ("DEBUG", 10), ("DEBUG-4", 1), ("WARN", 30), ("ERROR", 40), ("INFO+2", 25), ("what", 20)])
def test_level_of_the_host(monkeypatch, text, level):
    monkeypatch.setenv("STROBE_LOG_LEVEL", text)
    assert _log.host_level() == level
