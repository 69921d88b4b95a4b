"""The Binder driver's debug files as typed values, in every format that drivers have printed so far."""
