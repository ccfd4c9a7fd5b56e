"""The helper seen from the host: the programs this package carries, and starting them."""
