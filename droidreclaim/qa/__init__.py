"""QA runs: a scenario under each arm, round after round, and a verdict that says how sure it is."""
