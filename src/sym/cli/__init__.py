"""The commands. Everything heavy is imported where it is used."""
