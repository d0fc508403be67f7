"""一单多报: one declaration, every agency, one release."""
