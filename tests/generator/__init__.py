"""Random small programs around channels, what they do when run, and what chanlint says about them."""
