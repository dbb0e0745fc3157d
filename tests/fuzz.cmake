# One line per decoder that meets bytes from outside.
