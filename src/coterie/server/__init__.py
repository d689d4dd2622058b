"""The service over HTTP: thin. What events mean and how they are kept is in `coterie.live`."""
