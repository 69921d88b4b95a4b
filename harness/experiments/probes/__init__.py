"""Small experiments with the driver's interface, each with one outcome: what two drivers do differently."""
