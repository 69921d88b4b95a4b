"""What every part builds on: deadlines, errors, progress, locks, lines, child programs, the controller."""
