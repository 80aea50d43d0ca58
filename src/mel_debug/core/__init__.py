"""Values that all rooms share: geometry, photos, matches, the stage protocols and errors."""
