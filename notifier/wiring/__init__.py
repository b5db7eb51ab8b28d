"""Settings to objects: the only place that chooses an implementation."""
