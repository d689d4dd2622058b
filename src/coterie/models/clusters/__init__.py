"""Groups of customers found in numbers, categories and sets: how they are found, named, kept apart and known again.

Numbers in, numbers out: no files, no clock; randomness comes from a seed that is passed in.
"""
