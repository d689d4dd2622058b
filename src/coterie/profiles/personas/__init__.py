"""Who the customers of a group are: what sets them apart, what they are worth, how they came, and what to do about it."""
