"""One lazy client a service, made at first use and kept as long as the process.

botocore without boto3's resources and transfer manager: a cold start pays for what it loads. In the layer its data
are cut down to the services and operations that are called through `client` (`infra/sdk.py`).
"""

from functools import cache
from typing import Any

from botocore.config import Config
from botocore.session import Session, get_session

# Short waits and few tries: the transports in front of us repeat anyway, and a stuck call costs billed time.
# The service judges parameters anyway: to do it here first costs a fifth of a submission's CPU.
_CONFIG = Config(
    connect_timeout=2,
    read_timeout=4,
    retries={"mode": "standard", "total_max_attempts": 3},
    parameter_validation=False,
    user_agent="singlewindow",  # botocore's own names 14 parts of itself, put together anew at every request
)


@cache
def client(service: str) -> Any:
    """A client as `boto3.client` makes it; region, credentials and endpoint come from the environment."""
    return _session().create_client(service, config=_CONFIG)


@cache
def _session() -> Session:
    return get_session()
