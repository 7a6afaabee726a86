"""A clear tube beside a measuring tape that is numbered in print."""
