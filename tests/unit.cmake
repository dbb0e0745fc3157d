# One line per module: the layers its test may link.
unit_test(addr base)
unit_test(timestamp base)
unit_test(block store)
unit_test(store store)
unit_test(connection correlate)
unit_test(fingerprint correlate)
unit_test(score correlate)
unit_test(path correlate)
