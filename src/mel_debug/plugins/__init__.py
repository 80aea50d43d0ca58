"""Loading plugins, and resolving their stages by name into the checked settings of a run."""
