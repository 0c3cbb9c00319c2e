"""A profile as text: for the terminal, as Markdown, as CSV."""
