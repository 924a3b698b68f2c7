"""The two paths: functions from photos to losses and panels."""
