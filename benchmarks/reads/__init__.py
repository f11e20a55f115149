"""How fast a whole machine is read, beside what people write by hand: `make bench-reads`."""
