"""Contracts that anybody's part can be held to: random trees and data, checks of sources, models and engines."""
