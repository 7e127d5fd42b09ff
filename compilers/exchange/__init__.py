"""Exchange: a network in the words of other tools, and theirs in ours; what a format cannot say is refused by name."""
