"""Judges the claims on several devices: on this machine, or spread over the workers of a scheduler."""
