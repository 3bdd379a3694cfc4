"""Excel both ways: import of the sheets that an office already has, and export of every list."""
