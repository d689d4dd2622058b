"""One small language says what is known about customers: it is parsed into one closed tree, and each pass is a function."""
