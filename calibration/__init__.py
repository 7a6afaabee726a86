"""Numbers in, numbers out: properties, volumes, fits, uncertainty, conformity."""
