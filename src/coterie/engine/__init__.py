"""Where SQL runs: the Engine protocol and the engines."""
