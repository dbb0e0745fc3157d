# Each prints JSON lines; tools/bench runs them all.
function(bench name)
	program(bench_${name} SOURCES bench/bench_${name}.c USES ${ARGN})
endfunction()
bench(score correlate)
bench(store store)
bench(search store)
bench(edges node)
foreach(name store search edges)
	target_sources(bench_${name} PRIVATE bench/traffic.c)
	target_link_libraries(bench_${name} PRIVATE m)
endforeach()
bench(decode wire)
bench(filter flow)
bench(packet overlay)
# It counts what is allocated.
target_link_options(bench_packet PRIVATE -Wl,--wrap=malloc -Wl,--wrap=calloc)
program(flooder SOURCES bench/flooder.c USES wire) # for bench_flood.sh
program(sender SOURCES bench/sender.c bench/traffic.c USES flow) # for bench_collect.sh
target_link_libraries(sender PRIVATE m)
