"""The view with keys, in a terminal of its own: needs the extra ``tui`` (textual)."""
