#include "proto/wire/pack.h"

#include "base/util.h"

#include <math.h>
#include <msgpack.h>
#include <string.h>

#define DEPTH_MAX 16

static int put(void *data, const char *at, size_t len)
{
	octets_put(data, at, len);
	return 0;
}

struct pack pack_into(void *room, size_t len)
{
	return (struct pack){.out = octets_of(room, len)};
}

/* A packer is two words; made for each call, so that struct pack can be copied and moved. */
static msgpack_packer packer(struct pack *p)
{
	msgpack_packer pk;

	msgpack_packer_init(&pk, &p->out, put);
	return pk;
}

void pack_array(struct pack *p, size_t count)
{
	msgpack_packer pk = packer(p);

	msgpack_pack_array(&pk, count);
}

void pack_map(struct pack *p, size_t count)
{
	msgpack_packer pk = packer(p);

	msgpack_pack_map(&pk, count);
}

void pack_nil(struct pack *p)
{
	msgpack_packer pk = packer(p);

	msgpack_pack_nil(&pk);
}

void pack_bool(struct pack *p, bool value)
{
	msgpack_packer pk = packer(p);

	if (value)
		msgpack_pack_true(&pk);
	else
		msgpack_pack_false(&pk);
}

void pack_uint(struct pack *p, uint64_t value)
{
	msgpack_packer pk = packer(p);

	msgpack_pack_uint64(&pk, value);
}

void pack_int(struct pack *p, int64_t value)
{
	msgpack_packer pk = packer(p);

	msgpack_pack_int64(&pk, value);
}

void pack_real(struct pack *p, double value)
{
	msgpack_packer pk = packer(p);

	msgpack_pack_double(&pk, value);
}

void pack_str(struct pack *p, const char *text)
{
	msgpack_packer pk = packer(p);
	size_t len = strlen(text);

	msgpack_pack_str(&pk, len);
	msgpack_pack_str_body(&pk, text, len);
}

void pack_bin(struct pack *p, const void *data, size_t len)
{
	msgpack_packer pk = packer(p);

	msgpack_pack_bin(&pk, len);
	msgpack_pack_bin_body(&pk, data, len);
}

void pack_endpoint(struct pack *p, const struct endpoint *e)
{
	uint8_t wire[18];
	struct octets out = octets_of(wire, sizeof(wire));

	octets_put(&out, e->addr.octets, sizeof(e->addr.octets));
	octets_uint(&out, e->port, 2);
	pack_bin(p, wire, sizeof(wire));
}

static bool wrong(struct unpack *u)
{
	u->is_wrong = true;
	return false;
}

static struct token of_signed(int64_t value)
{
	if (value >= 0)
		return (struct token){.kind = TOKEN_UINT, .number = (uint64_t)value};
	return (struct token){.kind = TOKEN_INT, .integer = value};
}

/* Sign-extends the low `octets` octets. */
static int64_t extended(uint64_t value, size_t octets)
{
	unsigned shift = (unsigned)(64 - 8 * octets);

	return (int64_t)(value << shift) >> shift;
}

static double real_of(uint64_t bits, size_t octets)
{
	double real;
	float narrow;
	uint32_t low = (uint32_t)bits;

	if (octets == 8) {
		memcpy(&real, &bits, sizeof(real));
		return real;
	}
	memcpy(&narrow, &low, sizeof(narrow));
	return (double)narrow;
}

/* The formats with a marker octet of their own (msgpack specification, "Formats"). */
enum shape { SHAPE_UINT, SHAPE_INT, SHAPE_REAL, SHAPE_DATA, SHAPE_MANY };

static const struct format {
	uint8_t marker, octets; /* octets of the number behind the marker */
	enum shape shape;
	enum token_kind kind;
} formats[] = {
	{0xc4, 1, SHAPE_DATA, TOKEN_BIN},   {0xc5, 2, SHAPE_DATA, TOKEN_BIN},
	{0xc6, 4, SHAPE_DATA, TOKEN_BIN},   {0xca, 4, SHAPE_REAL, TOKEN_REAL},
	{0xcb, 8, SHAPE_REAL, TOKEN_REAL},  {0xcc, 1, SHAPE_UINT, TOKEN_UINT},
	{0xcd, 2, SHAPE_UINT, TOKEN_UINT},  {0xce, 4, SHAPE_UINT, TOKEN_UINT},
	{0xcf, 8, SHAPE_UINT, TOKEN_UINT},  {0xd0, 1, SHAPE_INT, TOKEN_INT},
	{0xd1, 2, SHAPE_INT, TOKEN_INT},    {0xd2, 4, SHAPE_INT, TOKEN_INT},
	{0xd3, 8, SHAPE_INT, TOKEN_INT},    {0xd9, 1, SHAPE_DATA, TOKEN_STR},
	{0xda, 2, SHAPE_DATA, TOKEN_STR},   {0xdb, 4, SHAPE_DATA, TOKEN_STR},
	{0xdc, 2, SHAPE_MANY, TOKEN_ARRAY}, {0xdd, 4, SHAPE_MANY, TOKEN_ARRAY},
	{0xde, 2, SHAPE_MANY, TOKEN_MAP},   {0xdf, 4, SHAPE_MANY, TOKEN_MAP},
};

/* `len` octets of data follow; or `len` members of at least one octet each (a map's: two). */
static bool holding(struct unpack *u, enum token_kind kind, size_t len, struct token *ret)
{
	size_t least = kind == TOKEN_MAP ? 2 : 1;

	*ret = (struct token){.kind = kind, .len = len};
	if (kind == TOKEN_STR || kind == TOKEN_BIN) {
		struct bytes data = bytes_cut(&u->in, len);

		ret->data = data.at;
		return !data.is_short || wrong(u);
	}
	return len <= bytes_left(&u->in) / least || wrong(u);
}

static bool marked(struct unpack *u, uint8_t marker, struct token *ret)
{
	const struct format *f = NULL;
	uint64_t value;

	for (size_t i = 0; i < ARRAY_LEN(formats) && f == NULL; i++) {
		if (formats[i].marker == marker)
			f = &formats[i];
	}
	if (f == NULL)
		return wrong(u); /* extension types are not spoken here */
	value = bytes_uint(&u->in, f->octets);
	if (u->in.is_short)
		return wrong(u);
	switch (f->shape) {
	case SHAPE_UINT:
		*ret = (struct token){.kind = TOKEN_UINT, .number = value};
		return true;
	case SHAPE_INT:
		*ret = of_signed(extended(value, f->octets));
		return true;
	case SHAPE_REAL:
		*ret = (struct token){.kind = TOKEN_REAL, .real = real_of(value, f->octets)};
		return true;
	case SHAPE_DATA:
	case SHAPE_MANY:
		return holding(u, f->kind, (size_t)value, ret);
	}
	return wrong(u);
}

bool unpack_token(struct unpack *u, struct token *ret)
{
	uint8_t marker;

	if (u->is_wrong || bytes_left(&u->in) == 0)
		return false;
	marker = (uint8_t)bytes_uint(&u->in, 1);
	if (marker < 0x80 || marker >= 0xe0) {
		*ret = of_signed((int8_t)marker);
		return true;
	}
	if (marker < 0x90)
		return holding(u, TOKEN_MAP, marker & 0x0f, ret);
	if (marker < 0xa0)
		return holding(u, TOKEN_ARRAY, marker & 0x0f, ret);
	if (marker < 0xc0)
		return holding(u, TOKEN_STR, marker & 0x1f, ret);
	if (marker == 0xc0) {
		*ret = (struct token){.kind = TOKEN_NIL};
		return true;
	}
	if (marker == 0xc2 || marker == 0xc3) {
		*ret = (struct token){.kind = TOKEN_BOOL, .is_true = marker == 0xc3};
		return true;
	}
	return marked(u, marker, ret);
}

/* The next token if it is of `kind`; else an empty one, and is_wrong. */
static struct token demand(struct unpack *u, enum token_kind kind)
{
	struct token t;

	if (unpack_token(u, &t) && t.kind == kind)
		return t;
	u->is_wrong = true;
	return (struct token){.kind = kind};
}

size_t unpack_array(struct unpack *u)
{
	return demand(u, TOKEN_ARRAY).len;
}

size_t unpack_map(struct unpack *u)
{
	return demand(u, TOKEN_MAP).len;
}

uint64_t unpack_uint(struct unpack *u, uint64_t max)
{
	uint64_t value = demand(u, TOKEN_UINT).number;

	if (value <= max)
		return value;
	u->is_wrong = true;
	return 0;
}

int64_t unpack_int(struct unpack *u)
{
	struct token t;

	if (unpack_token(u, &t)) {
		if (t.kind == TOKEN_INT)
			return t.integer;
		if (t.kind == TOKEN_UINT && t.number <= INT64_MAX)
			return (int64_t)t.number;
	}
	u->is_wrong = true;
	return 0;
}

double unpack_real(struct unpack *u)
{
	struct token t;

	if (unpack_token(u, &t)) {
		if (t.kind == TOKEN_REAL && isfinite(t.real))
			return t.real;
		if (t.kind == TOKEN_UINT)
			return (double)t.number;
		if (t.kind == TOKEN_INT)
			return (double)t.integer;
	}
	u->is_wrong = true;
	return 0;
}

bool unpack_bool(struct unpack *u)
{
	return demand(u, TOKEN_BOOL).is_true;
}

struct bytes unpack_bin(struct unpack *u)
{
	struct token t = demand(u, TOKEN_BIN);

	return bytes_of(t.data, t.len);
}

void unpack_fixed(struct unpack *u, void *ret, size_t len)
{
	struct bytes data = unpack_bin(u);

	if (bytes_left(&data) != len)
		u->is_wrong = true;
	bytes_copy(&data, ret, len);
}

struct endpoint unpack_endpoint(struct unpack *u)
{
	uint8_t wire[18] = {0};
	struct bytes in = bytes_of(wire, sizeof(wire));
	struct endpoint e;

	unpack_fixed(u, wire, sizeof(wire));
	bytes_copy(&in, e.addr.octets, sizeof(e.addr.octets));
	e.port = (uint16_t)bytes_uint(&in, 2);
	return e;
}

void unpack_str(struct unpack *u, char *room, size_t len)
{
	struct token t = demand(u, TOKEN_STR);

	CHECK(len > 0);
	room[0] = '\0';
	if (t.len == 0)
		return;
	if (t.len >= len || memchr(t.data, '\0', t.len) != NULL) {
		u->is_wrong = true;
		return;
	}
	memcpy(room, t.data, t.len);
	room[t.len] = '\0';
}

enum err unpack_version(struct unpack *u, uint64_t version, size_t fields)
{
	size_t count = unpack_array(u);
	uint64_t found = unpack_uint(u, UINT64_MAX);

	if (!u->is_wrong && found != version)
		return ERR_VERSION;
	return u->is_wrong || count != fields ? ERR_FORMAT : ERR_OK;
}

static void skip(struct unpack *u, int depth)
{
	struct token t;
	size_t inside;

	if (depth > DEPTH_MAX || !unpack_token(u, &t)) {
		u->is_wrong = true;
		return;
	}
	inside = t.kind == TOKEN_MAP ? 2 * t.len : t.kind == TOKEN_ARRAY ? t.len : 0;
	for (size_t i = 0; i < inside && !u->is_wrong; i++)
		skip(u, depth + 1);
}

void unpack_skip(struct unpack *u)
{
	skip(u, 1);
}
