"""The broker's desk: what needs somebody today, the cards of one need side by side, and whom to introduce this week."""
