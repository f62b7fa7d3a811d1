"""One module per verb: its options and what it prints. A verb's module is imported only when the verb is chosen."""
