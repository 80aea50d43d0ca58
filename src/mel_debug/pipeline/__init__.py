"""Finding moles: knows no file, no plugin and no command line."""
