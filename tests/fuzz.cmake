# One line per decoder that meets bytes from outside.
fuzz_target(block store)
fuzz_target(flow flow)
fuzz_target(filter flow)
fuzz_target(message wire)
fuzz_target(ctl wire)
fuzz_target(keyfile wire)
fuzz_target(overlay overlay)
