"""SQS, for what event source mappings leave to us: when a failed message comes back."""

from functools import cache

from singlewindow.aws.clients import client


def come_back(queue_arn: str, receipt_handle: str, seconds: int) -> None:
    """Let a message that this invocation failed on be received again after `seconds` (0: at once)."""
    client("sqs").change_message_visibility(
        QueueUrl=_url(queue_arn), ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
    )


@cache
def _url(queue_arn: str) -> str:
    account, name = queue_arn.split(":")[-2:]
    url: str = client("sqs").get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
    return url
