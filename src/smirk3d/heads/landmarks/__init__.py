"""Sets of face landmarks: MediaPipe's and iBUG's."""
