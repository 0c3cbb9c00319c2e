"""A profile as something to look at: table, plots and HTML; nothing here measures."""
