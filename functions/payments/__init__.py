"""Payments: tax bills, what they should come to, how they are paid and guaranteed, and whether all books agree."""
