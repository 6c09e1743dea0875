"""The test bench: the real firmware against a simulated or a wired plant.  Nothing outside may import it."""
