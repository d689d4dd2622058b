"""What coterie claims about speed and memory, measured on the machine at hand: `make bench`, `make bench ONLY=name`."""
