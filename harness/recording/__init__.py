"""What was recorded of Binder on a device: transactions from process to process, in text and as diagrams."""
