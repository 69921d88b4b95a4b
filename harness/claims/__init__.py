"""Judges what the documents say about Binder: one module for each section of claims."""
