"""The heads drawn over a video, with its sound."""
