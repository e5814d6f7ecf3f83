"""Real data sets, loaded through the command line and compared with figures that plain Python
computes from the same files."""
