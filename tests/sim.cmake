# Whole communities on a virtual clock; see docs/SIMULATOR.md.

# sim_test(NAME): tests/sim/test_NAME.c
function(sim_test name)
	program(test_sim_${name} SOURCES sim/test_${name}.c USES sim PkgConfig::cmocka)
	add_test(NAME sim/${name} COMMAND test_sim_${name})
	set_tests_properties(sim/${name} PROPERTIES LABELS sim TIMEOUT 300)
endfunction()

sim_test(join)
sim_test(faults)
sim_test(lookup)
sim_test(liars)
sim_test(engine)

# Two hundred fresh seeds, in two halves for two processors. They are many, so the simulator and what
# it runs are built once more for them, without sanitizers and as users have them; a few run with.
set(swift_sources)
foreach(one base flow wire overlay correlate plot sim)
	get_target_property(sources ${one} SOURCES)
	get_target_property(folder ${one} SOURCE_DIR)
	list(TRANSFORM sources PREPEND ${folder}/)
	list(APPEND swift_sources ${sources})
endforeach()
program(test_sim_seeds SOURCES sim/test_seeds.c ${swift_sources}
	USES PkgConfig::sodium PkgConfig::msgpack PkgConfig::cyaml m)
target_compile_definitions(test_sim_seeds PRIVATE SPOOR_COMMIT="${SPOOR_COMMIT}")
target_compile_options(test_sim_seeds PRIVATE -O2 -w -fno-sanitize=all) # all warn elsewhere
target_link_options(test_sim_seeds PRIVATE -fno-sanitize=all)
foreach(half 0 1)
	add_test(NAME sim/seeds_${half} COMMAND test_sim_seeds ${half}/2)
	set_tests_properties(sim/seeds_${half} PROPERTIES LABELS sim TIMEOUT 600)
endforeach()
program(test_sim_few SOURCES sim/test_seeds.c USES sim)
add_test(NAME sim/seeds_few COMMAND test_sim_few)
set_tests_properties(sim/seeds_few PROPERTIES LABELS sim TIMEOUT 300 ENVIRONMENT SPOOR_SEEDS=8)

# The overlay built again with one rule broken (enum rule in proto/overlay/core.h): the simulator
# must notice. All of it goes in before the sound one is looked at, which then adds nothing.
get_target_property(overlay_sources overlay SOURCES)
list(TRANSFORM overlay_sources PREPEND ${PROJECT_SOURCE_DIR}/proto/)
foreach(rule 0 1 2 3 4 5 6 7)
	layer(overlay_broken_${rule} PURE FOLDER proto/overlay SOURCES ${overlay_sources} USES wire base)
	target_compile_definitions(overlay_broken_${rule} PRIVATE OVERLAY_BROKEN=${rule})
	program(test_sim_broken_${rule} SOURCES sim/test_broken.c
		USES $<LINK_LIBRARY:WHOLE_ARCHIVE,overlay_broken_${rule}> sim)
	target_compile_definitions(test_sim_broken_${rule} PRIVATE BROKEN_RULE=${rule})
	add_test(NAME sim/broken_${rule} COMMAND test_sim_broken_${rule})
	set_tests_properties(sim/broken_${rule} PROPERTIES LABELS sim TIMEOUT 300)
endforeach()

# sim_command(NAME EXPECTED ARGS...): the command itself prints what matches EXPECTED.
function(sim_command name expected)
	add_test(NAME sim/command_${name} COMMAND spoor-sim ${ARGN}
		WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
	set_tests_properties(sim/command_${name} PROPERTIES LABELS sim TIMEOUT 300
		PASS_REGULAR_EXPRESSION "${expected}")
endfunction()

set(kept "\"violations\":0")
sim_command(json ${kept} --nodes 8 --seed 3 --loss 0.1 --dead 0.2 --json)
sim_command(liars ${kept} --nodes 16 --seed 3 --byzantine 0.2 --liar drop --urgent --json)
sim_command(direct ${kept} --nodes 8 --seed 4 --direct --crypto real --warm --json)
sim_command(nat ${kept} --nodes 10 --seed 5 --nat 0.3 --json)
sim_command(partition ${kept} --nodes 10 --seed 6 --partition 61000:75000 --json)
sim_command(rule "\"coverage_min\":1.0.*\"answered_mean\":null" --nodes 2000 --rule kadcast --json)
sim_command(seeds "4 seeds, 0 failed" --seeds 1..4 --nodes 12 --queries 1)
# A node alone behind a liar: every call in vain, until the one address it knows answers again.
sim_command(alone ${kept} --json --seed 1980 --nodes 64 --queries 4 --loss 0.15 --dead 0.13
	--byzantine 0.18 --liar delay --nat 0.04 --urgent --crypto fake)
sim_command(share "--loss does not take \"1.5\"" --loss 1.5)
sim_command(nodes "--nodes does not take \"20001\"" --nodes 20001)
sim_command(kind "--liar does not take \"saint\"" --liar saint)
sim_command(contradiction "--scenario does not go with --loss" --loss 0.1
	--scenario tools/sim/scenarios/query.yaml)
sim_command(nowhere "nowhere.yaml:1: cannot open" --scenario nowhere.yaml)
script_test(sim/manual tests/sim/manual.sh $<TARGET_FILE:spoor-sim>)
script_test(sim/report tests/sim/report.sh $<TARGET_FILE:spoor-sim>)

# Every scenario keeps what it expects.
file(GLOB scenarios ${PROJECT_SOURCE_DIR}/tools/sim/scenarios/*.yaml)
foreach(scenario ${scenarios})
	cmake_path(GET scenario STEM name)
	add_test(NAME sim/scenario_${name} COMMAND spoor-sim --scenario ${scenario})
	set_tests_properties(sim/scenario_${name} PROPERTIES LABELS sim TIMEOUT 600)
endforeach()
