"""The world becomes customers and events: kinds of files and databases, how they are read, how they are mapped."""
