"""ragcli: from a folder of documents to ranked answers and the numbers that prove them."""

__version__ = "0.1.0"
