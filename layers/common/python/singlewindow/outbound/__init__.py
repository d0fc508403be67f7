"""What leaves for an address that a party gave: where it may go, how it is signed, when it is tried again."""
