# Third-party libraries, each by its Debian package; tools/deps installs them.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(package name)
	pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${ARGN})
	add_library(pkg::${name} ALIAS PkgConfig::${name})
endfunction()

package(cyaml libcyaml)
package(jansson jansson)
package(libuv libuv)
package(lmdb lmdb)
package(msgpack msgpack)
package(pcap libpcap)
package(smartcols smartcols)
package(sodium libsodium)
package(xxhash libxxhash)
package(zlib zlib)
if(BUILD_TESTING)
	package(cmocka cmocka)
endif()
