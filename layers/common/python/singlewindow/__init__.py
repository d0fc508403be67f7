"""The kernel of the single window: what three capabilities or more use and none of them owns."""
