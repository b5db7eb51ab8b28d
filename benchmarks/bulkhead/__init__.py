"""What endpoints that hang cost those that work."""
