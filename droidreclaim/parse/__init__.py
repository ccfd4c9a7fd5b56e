"""Device text to values: pure functions, text in, frozen values out, ParseError for the rest."""
