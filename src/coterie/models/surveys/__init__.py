"""Answers to questions: scales and how far to trust them, the fewest questions that tell a group, and what group others are in."""
