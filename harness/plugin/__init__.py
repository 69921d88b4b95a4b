"""The pytest plugin: fixtures, options and reports."""
