"""Parcels, written and read in the format of each Android release."""
