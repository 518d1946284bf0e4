//! Black-box tests over the real program: see `tests/blackbox/`. Nothing is compiled in here, so that they know the wire only.
