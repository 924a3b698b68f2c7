"""Pictures of meshes: grey renderings for networks, clay renderings for people."""
