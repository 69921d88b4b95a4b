"""The pytest plugin: fixtures, options and what is reported."""
