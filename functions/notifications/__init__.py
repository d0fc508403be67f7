"""订阅与通知: what happens to a shipment, told to whom it concerns: signed webhooks, and the same by pulling."""
