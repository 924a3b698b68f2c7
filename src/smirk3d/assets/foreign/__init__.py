"""Files from outside, read within budgets: no size, type or name in them is believed."""
