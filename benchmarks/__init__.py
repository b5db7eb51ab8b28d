"""What the figures in the documents were measured with; nothing here is installed."""
