"""The recorded tasks of a run, executed again on virtual workers: predictions."""
