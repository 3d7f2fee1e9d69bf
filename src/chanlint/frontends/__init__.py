"""Front ends lower source text to IR. They know a syntax, and no library, no analysis and no rule."""
