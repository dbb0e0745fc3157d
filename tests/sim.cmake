# Whole communities on a virtual clock; see docs/SIMULATOR.md.

# sim_test(NAME): tests/sim/test_NAME.c
function(sim_test name)
	program(test_sim_${name} SOURCES sim/test_${name}.c USES sim PkgConfig::cmocka)
	add_test(NAME sim/${name} COMMAND test_sim_${name})
	set_tests_properties(sim/${name} PROPERTIES LABELS sim TIMEOUT 120)
endfunction()

sim_test(join)
sim_test(faults)
sim_test(hostile)

# The command itself: it ends well, and says what it measured.
add_test(NAME sim/command COMMAND spoor-sim --nodes 8 --seed 3 --loss 0.1 --dead 0.2 --json)
set_tests_properties(sim/command PROPERTIES LABELS sim TIMEOUT 120
	PASS_REGULAR_EXPRESSION "\"violations\":0")
