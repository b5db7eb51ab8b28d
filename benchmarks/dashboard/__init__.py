"""First paint and weight of the dashboard."""
