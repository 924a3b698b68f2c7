"""From a person and a scene to a picture: surfaces, light, camera."""
