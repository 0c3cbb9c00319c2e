"""A profile as plots, drawn with matplotlib."""
