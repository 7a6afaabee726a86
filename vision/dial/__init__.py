"""A dial gauge: its face, its ring of ticks, its needle."""
