"""The database: an index of the records, never the evidence itself."""
