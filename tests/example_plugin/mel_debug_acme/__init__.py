"""An example plugin for mel-debug: patches compared by their colours alone."""
