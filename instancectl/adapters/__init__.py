"""One module per outside thing; the only importer of its SDK."""
