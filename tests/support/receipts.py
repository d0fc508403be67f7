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
