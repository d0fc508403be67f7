"""统一认证: whose word a request carries."""
