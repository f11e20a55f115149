"""How fast bytes move, beside other tools: `make benchmarks-transfer`."""
