"""One file per rule: its docstring is its documentation, its check a pure function over the model."""
