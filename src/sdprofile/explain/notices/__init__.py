"""Facts that make a number doubtful, or that explain it, each with what to do."""
