"""Customs in a process of its own, with nothing but boto3: python customs_clerk.py ENDPOINT INBOX REPLIES WINDOW_NO"""

import json
import sys
import time
from datetime import UTC, datetime
from uuid import uuid4

import boto3

endpoint, inbox, replies, window_no = sys.argv[1:]
sqs = boto3.client(
    "sqs",
    endpoint_url=endpoint,
    region_name="cn-northwest-1",
    aws_access_key_id="customs",
    aws_secret_access_key="customs",
)
deadline = time.monotonic() + 30
while time.monotonic() < deadline:
    for message in sqs.receive_message(QueueUrl=inbox, WaitTimeSeconds=1, MaxNumberOfMessages=10).get(
        "Messages", []
    ):
        question = json.loads(message["Body"])
        if question["window_no"] != window_no:
            continue
        reply = {
            "reply_id": str(uuid4()),
            "message_id": question["message_id"],
            "outcome": "release",
            "findings": [],
            "at": datetime.now(UTC).isoformat(),
            "entry_id": "790120261000099999",
        }
        sqs.send_message(QueueUrl=replies, MessageBody=json.dumps(reply))
        sqs.delete_message(QueueUrl=inbox, ReceiptHandle=message["ReceiptHandle"])
        sys.exit(0)
sys.exit("no question came")
