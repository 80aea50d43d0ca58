"""Feature maps of photos, and locating moles in them."""
