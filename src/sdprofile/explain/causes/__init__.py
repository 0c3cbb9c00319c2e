"""What holds a cell back, a page for each cause: its place, the change, and what that gains."""
