"""The condition language: text <-> tree, tree -> SQL, tree -> truth for one record."""
