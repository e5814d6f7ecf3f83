"""Recalculation: order, leases, the full form, history."""
