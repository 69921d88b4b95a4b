"""Parcels: written and read as each Android release does."""
