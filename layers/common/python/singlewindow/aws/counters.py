"""One more of something, in a row of a table; at most once.

An ADD that is repeated because its answer was lost counts twice. So it is attempted once: where it fails, one may be
missing, and nothing else fails for it.
"""

from botocore.exceptions import BotoCoreError, ClientError

from singlewindow import settings
from singlewindow.aws.clients import client


def add(table: str, key: dict[str, str], *names: str) -> bool:
    """One more of each name; False where that is not known to have been written. `table`: a setting's name."""
    try:
        client("dynamodb", attempts=1).update_item(
            TableName=settings.get(table),
            Key={name: {"S": value} for name, value in key.items()},
            UpdateExpression="ADD " + ", ".join(f"#n{number} :one" for number in range(len(names))),
            ExpressionAttributeNames={f"#n{number}": name for number, name in enumerate(names)},
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
    except (BotoCoreError, ClientError):
        return False
    return True
