"""Meetings of a case, and docking events with many tables."""
