"""Finding what is wrong or odd in a store, and mending what is safe to mend.

Modules: codes (what can be found) ← findings ← examination (what is looked at, read once) ←
definitions, states, members, team, tables (a group of findings each) ← examine (all of them) ←
mend, verify, sarif.
"""
