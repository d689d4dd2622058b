"""What results say about customers: numbers for the report, each recomputable, and the sentences made of them."""
