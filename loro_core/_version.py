__version__ = "0.1.0"
"""loro's version."""
