"""The seam: what dask, distributed and Python keep to themselves, a page for each library."""
