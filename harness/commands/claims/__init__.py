"""The commands about claims: judge them, compare what came out, list and explain them."""
