"""Pictures that are made, with labels that are true by construction."""
