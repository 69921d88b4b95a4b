"""The framework: broadcasts, bound services, lookups, and the size of Intents."""
