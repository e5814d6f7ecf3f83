"""The scheduler: what is due is recalculated, hooks are called, and others see that it lives."""
