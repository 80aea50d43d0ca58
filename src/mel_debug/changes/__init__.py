"""What changed between sessions: aligned crops of a mole, measures of it, and spots new or gone."""
