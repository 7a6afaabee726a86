"""The calculations held against published numbers, on the user's own machine (ISO/IEC 17025:2017, 7.11)."""
