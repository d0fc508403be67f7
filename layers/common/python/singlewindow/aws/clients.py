"""One lazy client a service, made at first use and kept as long as the process.

botocore without boto3's resources and transfer manager: a cold start pays for what it loads. In the layer its data
are cut down to the services and operations that are called through `client` (`infra/sdk.py`).
"""

from collections.abc import Callable
from functools import cache
from random import uniform
from time import sleep
from typing import Any, Final, TypeVar

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.session import Session, get_session

from singlewindow import settings

# Short waits and few tries: the transports in front of us repeat anyway, and a stuck call costs billed time.
# The service judges parameters anyway: to do it here first costs a fifth of a submission's CPU.
_CONFIG = Config(
    connect_timeout=2,
    read_timeout=4,
    retries={"mode": "standard", "total_max_attempts": 3},
    parameter_validation=False,
    user_agent="singlewindow",  # botocore's own names 14 parts of itself, put together anew at every request
)


Answered = TypeVar("Answered")

_PATIENT_ATTEMPTS: Final = 6
_BUSY: Final = ("ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException")


@cache
def client(service: str, *, attempts: int = 3) -> Any:
    """A client as `boto3.client` makes it; region, credentials and endpoint come from the environment.

    `attempts`: 1 for what would count twice if an answer were lost and the call repeated.
    """
    config = _CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": attempts}))
    return _session().create_client(service, config=config)


def patiently(call: Callable[[], Answered]) -> Answered:
    """What `call` answers, asked again where the service was too busy or its answer was lost: it must bear repetition.

    For steps of hundreds of calls, which would never end if each of them could fail them all.
    """
    for attempt in range(_PATIENT_ATTEMPTS - 1):
        try:
            return call()
        except HTTPClientError:
            pass
        except ClientError as error:
            if error.response["Error"]["Code"] not in _BUSY:
                raise
        sleep(uniform(0, 0.05 * 2**attempt))
    return call()


def public_client(service: str) -> Any:
    """The client that signs addresses for others: at the endpoint that they reach, which on AWS is the service's own.

    It sends nothing, so `AWS_ENDPOINT_URL_<SERVICE>` is asked for at each use: a process may outlive a local stack.
    """
    return _signing(service, settings.get(f"AWS_ENDPOINT_URL_{service.upper()}", ""))


@cache
def _signing(service: str, endpoint: str) -> Any:
    # Version 4, whatever the region: objects under a key of KMS are given to no other signature.
    config = _CONFIG.merge(Config(signature_version="s3v4"))
    return _session().create_client(service, config=config, endpoint_url=endpoint or None)


@cache
def _session() -> Session:
    return get_session()
