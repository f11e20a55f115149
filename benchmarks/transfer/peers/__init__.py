"""One script a tool; each does what a JSON file tells it (`benchmarks.transfer.work`)."""
