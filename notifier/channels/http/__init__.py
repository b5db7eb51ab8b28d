"""HTTP/1.1 as the delivery path needs it: POST, kept-alive connections, a guard, nothing else."""
