"""Ten thousand messages under every fault at once: `make soak`. A small one runs in the suite (tests/journeys)."""
