"""The page on which a person says what the pictures of an image set show: a small service of its own."""
