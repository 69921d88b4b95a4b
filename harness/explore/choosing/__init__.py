"""What a random program does next."""
