"""Segments and segmentations: who belongs where."""
