"""The firmware of every controller of the line: one image, told apart only by its configuration."""
