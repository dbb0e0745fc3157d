# Shell tests: the rules of the house, and whole programs on loopback.
script_test(lint/layers tests/lint/layers.sh)
script_test(lint/headers tests/lint/headers.sh)
script_test(lint/purity tests/lint/purity.sh $<TARGET_FILE:base> $<TARGET_FILE:flow>
	$<TARGET_FILE:wire> $<TARGET_FILE:overlay> $<TARGET_FILE:correlate>)
script_test(lint/words tests/lint/words.sh)
script_test(lint/format tests/lint/format.sh)
script_test(lint/length tests/lint/length.sh)
script_test(lint/selftest tests/lint/selftest.sh)
script_test(integration/decode tests/integration/decode.sh)
script_test(integration/goldens tests/integration/goldens.sh)
script_test(integration/member tests/integration/member.sh)

# Nodes on loopback.
script_test(integration/chain tests/integration/recording.sh
	tests/data/chain R4 10.4.0.10:22 192.0.2.3 c1)
script_test(integration/netns_chain_c1 tests/integration/recording.sh
	../shared/data/netns_chain R4 10.4.0.10:22 192.0.2.3 c1)
script_test(integration/netns_chain_c2 tests/integration/recording.sh
	../shared/data/netns_chain R4 10.4.0.11:22 198.51.100.1 c2)
script_test(integration/input tests/integration/input.sh)
script_test(integration/import tests/integration/import.sh)
script_test(integration/search tests/integration/search.sh)
script_test(integration/kill tests/integration/kill.sh)
script_test(integration/lanes tests/integration/lanes.sh)
script_test(integration/templates tests/integration/templates.sh)
script_test(integration/exporters tests/integration/exporters.sh)
script_test(integration/translations tests/integration/translations.sh)
script_test(integration/nat tests/integration/nat.sh)
script_test(integration/admission tests/integration/admission.sh)
script_test(integration/connections tests/integration/connections.sh)
script_test(integration/restart tests/integration/restart.sh)
script_test(integration/clients tests/integration/clients.sh)
script_test(integration/follow tests/integration/follow.sh)
script_test(integration/watch tests/integration/watch.sh)
script_test(integration/volume tests/integration/volume.sh)
script_test(integration/polling tests/integration/polling.sh)
script_test(integration/revoke tests/integration/revoke.sh)
script_test(integration/overlay tests/integration/overlay.sh)
script_test(integration/origin tests/integration/origin.sh)
script_test(integration/origin_bpf tests/integration/origin_bpf.sh)
script_test(integration/origin_files tests/integration/origin_files.sh)
script_test(integration/origin_ssh tests/integration/origin_ssh.sh)

# The kernel module, in a virtual machine: Debian's two kernels, load, and what it costs.
script_test(vm/6.1 tools/vm --kernel 6.1)
script_test(vm/6.12 tools/vm --kernel 6.12)
script_test(vm/load tools/vm load)
script_test(vm/overhead tools/vm overhead)
set_tests_properties(vm/6.1 vm/load vm/overhead PROPERTIES RESOURCE_LOCK vm)

# The namespace laboratory, in small: real ssh, real exporters (needs root and namespaces).
script_test(laboratory/short tools/lab run short --json)
# And 32 nodes whose network is lossy, flooded and cut, a third of which is killed meanwhile.
script_test(laboratory/community tools/lab run community --json)
# Thirty-two nodes under sanitizers want the machine for themselves, or their first handshakes are late.
set_tests_properties(laboratory/community PROPERTIES RUN_SERIAL TRUE)
script_test(eval/manual tests/eval/manual.sh $<TARGET_FILE:spoor-eval>)
script_test(eval/recording tests/eval/recording.sh $<TARGET_FILE:spoor-eval>)
