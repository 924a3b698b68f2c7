"""The browser viewer: results, tracks and rigs to look at, move, compare and save."""
