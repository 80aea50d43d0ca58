"""Files of users: photos, masks, marks and pictures, read safely and written atomically."""
