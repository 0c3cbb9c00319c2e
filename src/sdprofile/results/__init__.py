"""What the user holds: profiles and comparisons, their tables and their files."""
