"""One thread of a process that uses Binder: its transactions, references and notifications."""
