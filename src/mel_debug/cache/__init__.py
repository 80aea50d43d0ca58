"""Features, previews and converted models on disk, keyed by content and shared by processes."""
