"""What the sending of an e-commerce message says of itself, and no document does."""

TRANSPORT = {
    "guid": "4CDE1CFD-EDED-46B1-946C-B8022E42FC94",
    "version": "1.0",
    "BaseTransfer/copCode": "5101640001",
    "BaseTransfer/copName": "示例传输有限公司",
    "BaseTransfer/dxpMode": "DXP",
    "BaseTransfer/dxpId": "DXPENT0000000001",
}
