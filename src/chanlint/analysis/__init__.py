"""Generic dataflow over the IR: points-to, calls and spawns, channel events, escapes, counts, paths. Knows no rule."""
