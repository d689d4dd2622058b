"""The parts of a drafted project: kinds of events, what they show of buying, traits, segments, and how all is laid out."""
