"""The session cluster: found or started, brought to exactly n workers, and given back."""
