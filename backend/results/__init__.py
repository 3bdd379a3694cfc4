"""What came of it: the funnel from needs to first patients, and the report of a quarter."""
