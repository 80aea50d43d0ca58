"""Everything that touches the disk: photos, masks, marks, pictures."""
