"""Events as they happen: messages in, a log that loses nothing, and what follows from it.

HTTP bytes → `message` (pure) → `log` (SQLite, one writer) → applied in log order. Clock, randomness and disk are passed in.
"""
