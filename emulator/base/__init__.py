"""What every part builds on: deadlines, errors, progress, locks, child programs, the controller."""
