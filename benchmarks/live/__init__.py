"""How much a connected client costs, and how fast a topic reaches all who follow it."""
