# One line per module: the layers its test may link.
unit_test(addr base)
unit_test(timestamp base)
