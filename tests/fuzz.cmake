# One line per decoder that meets bytes from outside.
fuzz_target(block store)
