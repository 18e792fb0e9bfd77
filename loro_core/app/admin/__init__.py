"""The operator's side: models listed, loaded, unloaded, drained, registered and watched, over HTTP and by hand."""
