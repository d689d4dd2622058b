"""From what a machine found to a rule that people can read, change and run: conditions on traits, in the language."""
