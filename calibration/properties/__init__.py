"""Properties of water, air and materials, each formula with its source and range."""
