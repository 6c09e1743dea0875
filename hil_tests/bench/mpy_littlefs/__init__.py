"""What runs inside the interpreter of a board whose file system is a real littlefs: start, block device, prompt."""
