"""The schema's history. The text of a migration is frozen: it never asks today's code what the schema is."""
