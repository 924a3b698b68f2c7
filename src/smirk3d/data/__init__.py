"""Training samples: annotated photos, their shards, batches and augmentation."""
