"""Features of photos, remembered between runs by content; several processes share the files."""
