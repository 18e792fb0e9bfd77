"""Values and values: every decision, as pure code. Time and chance are arguments."""
