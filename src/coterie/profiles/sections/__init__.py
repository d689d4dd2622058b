"""The sections of the report: numbers in, a question with its answer, charts and tables out."""
