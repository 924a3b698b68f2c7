"""Methods measured against labeled pictures: sets, answers, figures."""
