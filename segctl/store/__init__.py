"""The store: tables, record tables from the catalog, migrations, opening."""
