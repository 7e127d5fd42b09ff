"""The operating system's part: files written whole, what a wrong file is, and how a command ends."""
