"""What stands twice in one message is found at its second place; what is alike by chance is not."""

import json
from datetime import date
from typing import Any

from infra import ROOT
from singlewindow import catalogue
from singlewindow.messages import transform
from singlewindow.messages.conformance import report
from standards.conformance import report as with_rules
from tests.support.receipts import dec_import
from tests.support.transport import TRANSPORT

DAY = date(2026, 11, 25)
ORDER: dict[str, Any] = json.loads((ROOT / "catalogue/examples/ecommerce-order.v1.json").read_bytes())


def twice(raw: bytes) -> list[str]:
    return [one.pointer for one in report(raw, DAY).findings if one.rule == "MSG-DUPLICATE"]


def written(*documents: dict[str, Any]) -> bytes:
    kind = catalogue.document("ecommerce-order")
    return transform.write([kind.normalise(one) for one in documents], "CEB311Message", TRANSPORT)


def test_the_same_order_twice_in_a_message_is_found_at_the_second() -> None:
    other = ORDER | {"head": ORDER["head"] | {"order_no": "another"}}
    assert twice(written(ORDER, other)) == []
    assert twice(written(ORDER, other, ORDER)) == ["/CEB311Message/Order[3]/OrderHead/orderNo"]


def test_the_same_line_number_twice_is_found_within_its_document_alone() -> None:
    other = ORDER | {"head": ORDER["head"] | {"order_no": "another"}}
    line = ORDER["lines"][0]
    assert twice(written(ORDER | {"lines": [line, line]})) == ["/CEB311Message/Order[1]/OrderList[2]/gnum"]
    assert twice(written(ORDER, other)) == []


def test_the_same_payment_twice_is_found() -> None:
    head = "<PaymentHead><payCode>P</payCode><payTransactionId>{}</payTransactionId></PaymentHead>"
    body = "".join(f"<Payment>{head.format(number)}</Payment>" for number in ("1", "2", "1"))
    raw = f'<CEB411Message xmlns="http://www.chinaport.gov.cn/ceb">{body}</CEB411Message>'.encode()
    assert twice(raw) == ["/CEB411Message/Payment[3]/PaymentHead/payTransactionId"]


def test_a_success_with_a_text_is_a_warning_in_the_report() -> None:
    (one,) = [
        found
        for found in with_rules(dec_import("0", "第1项商品缺少B证"), DAY).findings
        if found.severity == "warn"
    ]
    assert one.rule == "RECEIPT-WARNING" and one.pointer == "/DecImportResponse/ErrorMessage"
    assert "RECEIPT-WARNING" not in {
        found.rule for found in with_rules(dec_import("-1", "格式错误"), DAY).findings
    }
