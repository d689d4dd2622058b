"""A generated shop: believable, the same every time, with planted groups so that tests know the truth."""

from coterie.workspace.demo.benchmark import BenchmarkFiles, events_for_benchmark
from coterie.workspace.demo.shop import DemoFile, DemoShop, Progress, write_demo
from coterie.workspace.demo.truth import DemoTruth

__all__ = ["BenchmarkFiles", "DemoFile", "DemoShop", "DemoTruth", "Progress", "events_for_benchmark", "write_demo"]
