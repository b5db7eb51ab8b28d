"""The same job in every peer's own words, each as its documentation recommends.

The peers live in an environment of their own, so nothing here may import `notifier`, except for
the module of that name.
"""
