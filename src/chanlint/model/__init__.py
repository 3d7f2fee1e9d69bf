"""The only thing rules see: channels, actors, endings and their coverage, and the maintainers' policy."""
