"""The command `tankcal`, one file a group of commands."""
