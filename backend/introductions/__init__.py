"""引荐: a broker's case that brings the two sides of a match together, and further parties where they are needed."""
