"""A seven-segment display: its panel, its digits, their segments."""
