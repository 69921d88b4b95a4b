"""What Android prints about itself, read into typed values: dumpsys, `service`, ps, init's files."""
