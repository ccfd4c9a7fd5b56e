"""The launch storm: apps opened again and again, ways to treat them in the background compared."""
