"""Where devices run: this machine, or one reached over SSH, behind one interface."""
