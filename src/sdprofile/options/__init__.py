"""What was asked: options, declared once each, and how their values are read."""
