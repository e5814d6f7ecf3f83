"""The schema's history.

A migration is frozen: it never asks today's code what the schema is.
"""
