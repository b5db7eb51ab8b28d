"""notifier beside what else could be used, at the same job on the same servers."""
