/*
 * err - the one error type of every layer.
 *
 * A function that can fail in more than one way returns enum err; 0 is success. Codes of libuv,
 * LMDB, libsodium and errno are mapped where the call is made and travel no further.
 */
#ifndef SPOOR_BASE_ERR_H
#define SPOOR_BASE_ERR_H

/* clang-format off */
#define ERR_MAP(X)                                                   \
	X(OK,       "success")                                       \
	X(NOMEM,    "out of memory")                                 \
	X(SHORT,    "input ends early")                              \
	X(FORMAT,   "input breaks its own format")                   \
	X(VERSION,  "unknown version")                               \
	X(RANGE,    "value out of range")                            \
	X(LIMIT,    "a configured limit was reached")                \
	X(NOENT,    "no such entry")                                 \
	X(AUTH,     "signature does not verify")                     \
	X(ROOT,     "signed by no root this node trusts")            \
	X(EXPIRED,  "certificate is outside its validity")           \
	X(STALE,    "too old, or already seen")                      \
	X(DENIED,   "denied by policy")                              \
	X(BUSY,     "too busy, try again later")                     \
	X(FULL,     "no room left in the store")                     \
	X(TORN,     "file is torn: shorter than it says of itself")  \
	X(CORRUPT,  "checksum does not match")                       \
	X(LOCKED,   "in use by another process")                     \
	X(IO,       "input/output error")
/* clang-format on */

enum err {
#define X(name, text) ERR_##name,
	ERR_MAP(X)
#undef X
};

/* Static text for `err`; never NULL, never to be freed. */
const char *err_text(enum err err);

#define MUST_USE __attribute__((warn_unused_result))

#endif
