"""How large a payload may be, and what happens to one that is larger."""
