"""An image in, a reading with its uncertainty or a refusal out."""
