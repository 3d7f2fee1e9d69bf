"""Output formats: diagnostics in, text out. Nothing here reads files, the environment or the terminal."""
