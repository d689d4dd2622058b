"""Words and laws: errors, places, time zones and windows, three-valued logic, hashing. No I/O, no clock."""
