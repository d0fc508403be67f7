"""一次查验: holds of any agency join one inspection: one slot, one sheet, every agency's own result."""
