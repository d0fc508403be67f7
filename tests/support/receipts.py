"""Receipts as customs and the e-port write them."""

GUID = "4CDE1CFD-EDED-46B1-946C-B8022E42FC94"
PLATFORM = "1105910159"


def order_reply(*told: tuple[str, str, str], platform: str = PLATFORM, guid: str = GUID) -> bytes:
    """CEB312 of (order number, status, time)."""
    body = "".join(
        f"<OrderReturn><guid>{guid}</guid><ebpCode>{platform}</ebpCode><ebcCode>{platform}</ebcCode>"
        f"<orderNo>{number}</orderNo><returnStatus>{status}</returnStatus><returnTime>{at}</returnTime>"
        f"<returnInfo>回执</returnInfo></OrderReturn>"
        for number, status, at in told
    )
    head = f'<CEB312Message xmlns="http://www.chinaport.gov.cn/ceb" guid="{GUID}" version="1.0">'
    return f'<?xml version="1.0" encoding="UTF-8"?>{head}{body}</CEB312Message>'.encode()


def dec_import(code: str, text: str, client_seq_no: str = "S-1") -> bytes:
    return (
        '<n:DecImportResponse xmlns:n="http://www.chinaport.gov.cn/dec">'
        f"<n:ResponseCode>{code}</n:ResponseCode><n:ErrorMessage>{text}\n</n:ErrorMessage>"
        f"<n:ClientSeqNo>{client_seq_no}</n:ClientSeqNo><n:SeqNo>I20260000000000001</n:SeqNo>"
        "<n:TrnPreId></n:TrnPreId></n:DecImportResponse>"
    ).encode()


def dec_result(window_no: str, channel: str, at: str, entry_id: str = "", note: str = "") -> bytes:
    return (
        f"<DEC_DATA><DEC_RESULT><CUS_CIQ_NO>{window_no}</CUS_CIQ_NO><ENTRY_ID>{entry_id}</ENTRY_ID>"
        f"<NOTICE_DATE>{at}</NOTICE_DATE><CHANNEL>{channel}</CHANNEL><NOTE>{note}</NOTE></DEC_RESULT></DEC_DATA>"
    ).encode()


def manifest_reply(
    message_id: str, *, bills: tuple[tuple[str, str], ...], at: str = "20260101000000000"
) -> bytes:
    told = "".join(
        f"<Consignment><AdditionalInformation><StatementCode>{code}</StatementCode>"
        f"<StatementDescription>19000</StatementDescription></AdditionalInformation>"
        f"<TransportContractDocument><ID>{bill}</ID></TransportContractDocument></Consignment>"
        for bill, code in bills
    )
    return (
        f"<Manifest><Head><MessageID>{message_id}</MessageID><FunctionCode>9</FunctionCode>"
        f"<MessageType>MT1401</MessageType><SenderID>EPORT</SenderID><ReceiverID>EPORT</ReceiverID>"
        f"<SendTime>{at}</SendTime><Version>1.0</Version></Head><Response>{told}</Response></Manifest>"
    ).encode()


def syntax_report(
    action: str, *, messages: tuple[tuple[str, str], ...] = (), sender: str = "CARRIER", reference: str = "42"
) -> bytes:
    """CONTRL by CUSTOMS on an interchange that it had from `sender`, and on (reference, action) of messages in it."""
    told = [f"UCI+{reference}+{sender}+CUSTOMS+{action}"]
    told += [f"UCM+{number}+CODECO:D:17A:UN+{said}" for number, said in messages]
    lines = ["UNB+UNOC:3+CUSTOMS+CARRIER+261126:0930+7", "UNH+1+CONTRL:D:3:UN", *told]
    lines += [f"UNT+{len(told) + 2}+1", "UNZ+1+7"]
    return "".join(f"{line}'\n" for line in lines).encode()


def gate_report(sender: str = "CARRIER", reference: str = "42") -> bytes:
    """CODECO to CUSTOMS."""
    lines = [
        f"UNB+UNOC:3+{sender}+CUSTOMS+261126:0900+{reference}",
        "UNH+1+CODECO:D:17A:UN", "BGM+36+G-1+9", "NAD+CF+COSCO", "EQD+CN+CSQU3054383+45G1:102:5++3+5",
        "UNT+5+1", f"UNZ+1+{reference}",
    ]  # fmt: skip
    return "".join(f"{line}'\n" for line in lines).encode()
