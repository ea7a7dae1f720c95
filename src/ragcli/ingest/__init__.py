"""From files to documents to chunks, into the catalog."""
