"""Where devices run: this machine, or one reached over SSH, asked for the same things in the same words."""
