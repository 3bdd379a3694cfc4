"""The short list of every open need: what fits it, kept by a task, so that no page has to search for it."""
