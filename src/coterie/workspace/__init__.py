"""The façade: load a project, know its names, plan the steps, run them."""
