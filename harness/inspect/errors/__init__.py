"""What an error of Binder means: the driver's messages, lines of logs, exceptions, codes."""
