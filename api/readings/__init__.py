"""Pictures into answers by the folder, and how good the answers are where the truth is known."""
