"""The benchmark: `python -m bench --help`, or `make bench`."""
