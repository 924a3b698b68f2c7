"""Commands for those who train and measure: data, training, evaluation."""
