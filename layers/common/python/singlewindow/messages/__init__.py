"""Messages on the wire: XML and EDIFACT, read, written and judged as `catalogue/messages` defines them."""
