"""Long videos in pieces that processes track side by side, joined to one track."""
