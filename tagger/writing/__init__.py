"""Tagged documents out. One module per format, each with the same columns (`rows`)."""
