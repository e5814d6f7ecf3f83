"""Importing records and events from files: `import_records`, its options and its result.

A file passes through readers (rows), mapping (which column is what), columns and relations (raw
values to stored ones) and batch (what is new or differs), chunk by chunk, in one transaction (run).
"""
