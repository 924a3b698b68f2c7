"""The browser viewer, which shows, moves, compares and saves results, tracks and rigs."""
