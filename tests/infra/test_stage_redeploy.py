"""A new version of the functions in mid-flight."""

import json
from importlib import import_module
from threading import Event, Timer
from typing import Any
from urllib.request import Request, urlopen

from infra.stage import Stage
from tests.infra.test_stage_pollers import put, send


def test_a_redeploy_kills_what_runs_and_puts_a_new_version_in_its_place(stage: Stage, probe: Any) -> None:
    put(stage, "seen by the old", 1)
    stage.settle()
    working, answering = Event(), Event()

    def hold(*_: Any) -> None:
        working.set()
        answering.wait(5)

    with stage.inject("ProbeOnMessage", after=hold):
        send(stage, "Inbox", "in flight")
        assert working.wait(5)
        Timer(0.1, answering.set).start()
        assert stage.redeploy({"Greeting": "hei"}) == 1
    stage.settle()
    try:
        fresh = import_module("probe.app")
        assert fresh is not probe
        assert [one["body"] for one in probe.seen[-1:]] == ["in flight"]
        (again,) = fresh.seen  # and not what the stream had told the old one
        assert (again["body"], again["attributes"]["ApproximateReceiveCount"]) == ("in flight", "2")
        with urlopen(Request(f"{stage.url}/echo", headers={"Authorization": "me"})) as answer:
            assert json.load(answer)["setting"] == "hei"
    finally:
        stage.redeploy()
