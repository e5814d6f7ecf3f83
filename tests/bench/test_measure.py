"""What the benchmark says of a program is of that program alone."""

import sys

import pytest

from bench.measure import Failed, run


def test_the_size_of_the_benchmark_is_not_that_of_the_program():
    large = bytearray(400 << 20)
    large[:: 1 << 12] = b"x" * len(large[:: 1 << 12])
    assert 1 < run([sys.executable, "-c", "pass"]).memory < 200
    del large


def test_a_large_program_is_seen_as_large():
    assert run([sys.executable, "-c", "x = b'x' * (300 << 20)"]).memory > 300


def test_a_program_that_fails_is_not_measured():
    with pytest.raises(Failed, match=r"exited 3: away$"):
        run([sys.executable, "-c", "import sys; sys.stderr.write('away'); sys.exit(3)"])
    with pytest.raises(Failed, match="there is no program"):
        run(["no-such-program"])
