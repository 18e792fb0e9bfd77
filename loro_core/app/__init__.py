"""Composition: settings, wiring, routes, metrics, the command line."""
