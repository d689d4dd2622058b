"""Customer lifetime value: how many orders are to come, what they are worth, and how sure that is.

`choice.fit` learns from histories and gives a `fitted.Fit`, which is plain JSON and scores any customer. Nothing here reads
a file or a clock, and what is drawn at random comes from a seed that is passed in.
"""
