"""Commands that read what people already have, and say what it means."""
