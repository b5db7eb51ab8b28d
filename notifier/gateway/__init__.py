"""The gateway: browsers and back ends submit, wait and watch."""
