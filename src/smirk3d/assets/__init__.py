"""Where files are found: shipped assets, optional packages, models that packages carry."""
