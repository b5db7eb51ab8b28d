"""What the calendar costs, and how punctual it is."""
