"""What was measured, as frozen data, and pure functions on it; no dask, no IPython, no clock."""
