"""The Binder driver's debug files, in the forms of every driver so far, read into typed values."""
