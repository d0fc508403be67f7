"""Where everything is, said once the window is up."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from infra.stage import ACCOUNT, REGION

_HOLD = '{"behaviour":"hold-then-clear"}'


def show_addresses(console: Console, stage: Any, *, simulated: bool, log: Path) -> None:
    """Addresses, queue names, how to get a token, something to try."""
    agencies = sorted(
        name.removesuffix("Replies") for name in stage.created.queues if name.endswith("Replies")
    )
    queues = [
        f"{_queue_name(stage, f'{agency}Inbox'):<32} {_queue_name(stage, f'{agency}Replies')}"
        for agency in agencies
    ]
    played = (
        f"simulated; curl -X PUT {stage.url}/_local/agencies/customs/behaviour -d '{_HOLD}' changes one"
        if simulated
        else "nobody plays them: read the inboxes, write to the replies (docs/agency-quickstart.md)"
    )
    _say(console, "HTTP", f"{stage.url}    documentation {stage.url}/docs · {stage.url}/openapi.json")
    _say(
        console,
        "Standards",
        f"{stage.url}/standards    elements, codes and rules by date, and a tester for messages",
    )
    _say(console, "AWS endpoint", f"{stage.aws_url}    account {ACCOUNT} · region {REGION} · any credentials")
    _say(console, "Queues", *queues)
    _say(console, "Agencies", played)
    if simulated:
        _say(console, "Banks", f"sandbox bank and treasury, simulated; {stage.url}/_local/banks")
    _say(
        console,
        "A token",
        "make -s token ROLE=enterprise PARTY=<uscc>      (without PARTY: the sample's importer)",
    )
    _say(
        console,
        "Try",
        f'curl -s {stage.url}/declarations -H "Authorization: Bearer $(make -s token)"',
        f"aws --endpoint-url {stage.aws_url} --region {REGION} sqs list-queues",
    )
    _say(console, "Logs", str(log))
    console.print("Ctrl-C stops it; nothing is kept.")


def _queue_name(stage: Any, logical_id: str) -> str:
    return str(stage.resource(logical_id)).rsplit("/", 1)[1]


def _say(console: Console, title: str, *lines: str) -> None:
    for number, line in enumerate(lines):
        text = Text(f"  {title if number == 0 else '':<14}", style="bold")
        text.append(line, style="not bold")
        console.print(text, soft_wrap=True)
