"""USD with UsdSkel, point caches and cameras."""
