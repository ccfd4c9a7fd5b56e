"""The launch storm: opens apps again and again, to compare ways to treat them in the background."""
