"""The Python API: what a program of your own enqueues with."""
