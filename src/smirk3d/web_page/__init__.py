"""The page of ``web/`` as the wheel brings it, and its server."""
