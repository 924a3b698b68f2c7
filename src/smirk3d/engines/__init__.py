"""Many independent jobs, done by processes of this machine or by a Ray cluster."""
