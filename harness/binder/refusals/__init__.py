"""What an error of Binder means: one table, for live exceptions and for those in a log."""
