"""A liquid-in-glass thermometer: its scale and its column."""
