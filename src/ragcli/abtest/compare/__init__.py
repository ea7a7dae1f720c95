"""The same questions put to several configurations in turn, and what their answers say of them."""
