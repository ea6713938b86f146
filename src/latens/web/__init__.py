"""The local page: a model and its rows in the browser."""
