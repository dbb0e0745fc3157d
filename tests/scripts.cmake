# Shell tests: the rules of the house, and whole programs on loopback.
