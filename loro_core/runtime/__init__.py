"""The only floor that waits for the world: sockets, nurseries, deadlines."""
