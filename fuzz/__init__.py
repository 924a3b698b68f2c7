"""Fuzzing of everything that reads a foreign file: ``python -m fuzz``, see fuzz/README.md."""
