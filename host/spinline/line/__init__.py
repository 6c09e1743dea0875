"""Line state and batch: pure, stepped by the supervisor's scan; the clock is given."""
