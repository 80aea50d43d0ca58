"""Values: geometry, photos, moles, feature maps, queries, matches, the three stage protocols and errors."""
