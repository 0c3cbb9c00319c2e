"""Optional things, one file each."""
