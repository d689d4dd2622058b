"""Charts: plain values in, Altair charts out. One theme; each chart's title is its finding.

A chart made here carries the light colours and shows anywhere; the report's page swaps each colour for a variable of its
style sheet, so that dark pages and prints need no second chart.
"""
