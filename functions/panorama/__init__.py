"""Panorama: the journey of every shipment, found by any of its identifiers."""
