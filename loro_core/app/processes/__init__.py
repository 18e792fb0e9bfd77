"""The processes beside this one: workers, what they tell of each other, and the one for large requests."""
