# mypy: disable-error-code=no-untyped-call
"""Run in a process of its own, on the staged packages alone: a handler's recorded events, AWS answered at before-send.

`python -I -S replay.py PLAN ANSWER`: both files are marshalled, which needs no import that the handler might have to
pay for. PLAN: {born, paths, module, handler, environment, events: [{event, answers: [(operation, status, headers,
body)]}], rounds}. ANSWER: {cold: [seconds, CPU seconds], imports: seconds, warm: [CPU seconds per event]}.
"""

import marshal
import sys
import time

awake = time.monotonic()
with open(sys.argv[1], "rb") as file:
    plan = marshal.load(file)
ready = time.monotonic()

sys.path[:0] = plan["paths"]
import os  # noqa: E402

os.environ.clear()
os.environ.update(plan["environment"])


class Context:
    """What Lambda gives a handler."""

    function_name = "replayed"
    function_version = "$LATEST"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws-cn:lambda:cn-northwest-1:123456789012:function:replayed"
    aws_request_id = "00000000-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self):
        return 15_000


class Body:
    """A response body as botocore reads it: whole, or as a stream."""

    def __init__(self, data):
        self.data = data

    def stream(self, **_):
        yield self.data

    def read(self, amount=None):
        data, self.data = (self.data, b"") if amount is None else (self.data[:amount], self.data[amount:])
        return data

    def close(self):
        pass


waiting: "dict[str, list]" = {}  # answers by operation, in the order of recording


def answer(request, event_name, **_):
    """The next recorded answer to this operation."""
    from botocore.awsrequest import AWSResponse

    status, headers, body = waiting[event_name.rsplit(".", 1)[1]].pop(0)
    return AWSResponse(request.url, status, headers, Body(body))


def run(recorded):
    waiting.clear()
    for operation, *rest in recorded["answers"]:
        waiting.setdefault(operation, []).append(rest)
    handler(recorded["event"], Context())


if plan["calls"]:
    import botocore.handlers

    botocore.handlers.BUILTIN_HANDLERS.append(("before-send", answer))

module = __import__(plan["module"], fromlist=[plan["handler"]])
handler = getattr(module, plan["handler"])
imported = time.monotonic()
run(plan["events"][0])
done, cpu = time.monotonic(), time.process_time()

# Reading the plan is none of the function's business.
result = {"cold": [done - plan["born"] - (ready - awake), cpu], "imports": imported - ready}
if plan["rounds"]:
    warm = []
    for each in plan["events"]:
        taken = []
        for _ in range(plan["rounds"]):
            before = time.process_time()
            run(each)
            taken.append(time.process_time() - before)
        warm.append(sorted(taken)[len(taken) // 2])
    result["warm"] = warm
with open(sys.argv[2], "wb") as answered:
    marshal.dump(result, answered)
