"""The magics: the only part that knows IPython."""
