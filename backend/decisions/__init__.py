"""What users decided about pairs of a need and a capability: it teaches the ranker and makes the year's figures."""
