"""Instruments: each asks dask or the machine, and returns what it read as objects of the model.

An instrument is a context manager around one run that leaves its reading behind.
"""
