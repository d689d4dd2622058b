"""A page that people read: sections of figures and tables as values, and the one HTML file made of them."""
