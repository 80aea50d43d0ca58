"""Changes of marks by people and runs, and the log that can undo them."""
