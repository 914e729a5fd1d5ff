"""One module per capability: observe, decide, then plan or apply."""
