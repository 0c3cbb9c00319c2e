"""A profile in a page: HTML, and the widget of a notebook."""
