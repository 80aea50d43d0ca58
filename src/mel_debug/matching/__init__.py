"""Extracting the feature maps of photos, and finding moles with them."""
