"""Experiments and claims: one folder a topic, with its measurements and the claims about them."""
