"""What to change before the night: moves, priced and ranked on the same buyers."""
