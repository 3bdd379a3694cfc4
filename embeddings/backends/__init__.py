"""What computes the vectors of an encoder: `original` as PyTorch runs it, `compact` in 8-bit integers."""
