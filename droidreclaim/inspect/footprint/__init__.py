"""A footprint as it is taken: samples by the helper, states by ActivityManager, or a capture."""
