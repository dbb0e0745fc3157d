/*
 * wide - functions whose loops gain from wide vectors: in versions, of which the processor takes
 * its best when the program starts.
 *
 *     WIDE static size_t count_octet(...)
 *
 * Sanitizers are not there yet when it is asked for.
 */
#ifndef SPOOR_STORE_WIDE_H
#define SPOOR_STORE_WIDE_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
	!defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#	define WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#	define WIDE
#endif

#endif
