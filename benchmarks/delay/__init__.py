"""What it costs a broker to hold messages for us, and how punctually it lets them go."""
