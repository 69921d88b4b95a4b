"""What a process is told of others: that they died, were frozen, or thawed."""
