"""Cross-field rules of the declaration; their facts stand in catalogue/rules/declaration.json."""
