"""The local stack: `template.yaml` brought up on moto, in one process, without Docker or an account.

    with Stage("template.yaml", port=8000) as stage:
        requests.get(f"{stage.url}/health")

One module a concern: `template` reads and resolves, `resources` creates, `functions` runs handlers, `pollers`
delivers from queues, streams and clocks (`filters`: which of it), `gateway` is the HTTP front (`authorizers`:
who may), `stage` holds it together, `moto_faults` mends what moto does otherwise than AWS. Each says at its
head what it does not enforce.
"""

from infra.stage.functions import FunctionError, Injection, LogLine
from infra.stage.stage import Stage
from infra.stage.template import ACCOUNT, PARTITION, REGION, StageError

__all__ = ["ACCOUNT", "PARTITION", "REGION", "FunctionError", "Injection", "LogLine", "Stage", "StageError"]
