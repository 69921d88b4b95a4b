"""Random programs of driver commands, taken by the model and by a driver, and compared after each step."""
