"""How strangers extend loro: hook specifications, the protocols to implement, and the registry that finds them."""
