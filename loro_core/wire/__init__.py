"""Bytes and values: decoders and encoders without I/O. Any split of the input gives the same output."""
