"""Library knowledge as data: the schema, the loader, and one TOML file per library under ``python/``."""
