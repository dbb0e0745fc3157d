#include "proto/wire/cert.h"

#include "base/bytes.h"
#include "base/util.h"
#include "proto/wire/envelope.h"
#include "proto/wire/pack.h"

#include <stdio.h>
#include <string.h>

#define CERT_VERSION 2
#define CERT_FIELDS 11
#define CERT_DOMAIN "spoor certificate 2"
#define REQUEST_VERSION 2
#define REQUEST_FIELDS 5
#define REQUEST_DOMAIN "spoor request 2"
#define PREFIX_LEN 17
#define SIGNATURE_LEN sizeof(struct signature)

struct id cert_id(const struct cert *cert)
{
	uint8_t both[sizeof(cert->member.octets) + CERT_SALT_LEN];

	memcpy(both, cert->member.octets, sizeof(cert->member.octets));
	memcpy(both + sizeof(cert->member.octets), cert->salt, CERT_SALT_LEN);
	return digest("spoor member id 1", both, sizeof(both));
}

/* The character at `*at`, which moves behind it; UINT32_MAX when it is not UTF-8 (RFC 3629). */
static uint32_t character(const char **at)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t least; /* that needs so many octets */
	} forms[] = {{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	const uint8_t *p = (const uint8_t *)*at;
	size_t len = 0;
	uint32_t c;

	while (len < ARRAY_LEN(forms) && (p[0] & forms[len].mask) != forms[len].lead)
		len++;
	if (len == ARRAY_LEN(forms))
		return UINT32_MAX;
	c = p[0] & (uint8_t)~forms[len].mask;
	for (size_t i = 1; i <= len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return UINT32_MAX;
		c = c << 6 | (p[i] & 0x3f);
	}
	*at += len + 1;
	return c < forms[len].least ? UINT32_MAX : c;
}

/* Shown in terminals and reports: UTF-8, not empty, nothing that moves or turns what is around it.
 */
static bool is_name(const char *text)
{
	static const struct {
		uint32_t first, last;
	} refused[] = {
		/* clang-format off */
		{0x00, 0x1f},     {0x7f, 0x9f},     /* control characters */
		{0x200e, 0x200f}, {0x2028, 0x202e}, /* direction, lines */
		{0x2066, 0x2069}, {0xd800, 0xdfff}, /* direction, surrogates */
		{0x110000, UINT32_MAX},
		/* clang-format on */
	};

	if (*text == '\0')
		return false;
	while (*text != '\0') {
		uint32_t c = character(&text);

		for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
			if (c >= refused[i].first && c <= refused[i].last)
				return false;
		}
	}
	return true;
}

static bool are_sound(const struct prefix *prefixes, size_t count)
{
	if (count == 0 || count > CERT_PREFIXES_MAX)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!prefix_is_sound(&prefixes[i]))
			return false;
	}
	return true;
}

static bool are_roles(uint64_t roles)
{
	return roles == CERT_ROLE_HOST ||
	       (roles != 0 && (roles & ~(uint64_t)CERT_ROLES_MEMBER) == 0);
}

/* Each a bin of 17: the net's 16 octets, and how many bits count. */
static void pack_prefixes(struct pack *p, const struct prefix *prefixes, size_t count)
{
	pack_array(p, count);
	for (size_t i = 0; i < count; i++) {
		uint8_t wire[PREFIX_LEN];

		memcpy(wire, prefixes[i].net.octets, sizeof(prefixes[i].net.octets));
		wire[PREFIX_LEN - 1] = prefixes[i].bits;
		pack_bin(p, wire, sizeof(wire));
	}
}

static size_t unpack_prefixes(struct unpack *u, struct prefix ret[CERT_PREFIXES_MAX])
{
	size_t count = unpack_array(u);

	if (count == 0 || count > CERT_PREFIXES_MAX) {
		u->is_wrong = true;
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		uint8_t wire[PREFIX_LEN];

		unpack_fixed(u, wire, sizeof(wire));
		memcpy(ret[i].net.octets, wire, sizeof(ret[i].net.octets));
		ret[i].bits = wire[PREFIX_LEN - 1];
		u->is_wrong |= !prefix_is_sound(&ret[i]);
	}
	return count;
}

static void pack_cert(struct pack *p, const struct cert *cert)
{
	pack_array(p, CERT_FIELDS);
	pack_uint(p, CERT_VERSION);
	pack_bin(p, cert->root.octets, sizeof(cert->root.octets));
	pack_bin(p, cert->member.octets, sizeof(cert->member.octets));
	pack_bin(p, cert->salt, sizeof(cert->salt));
	pack_uint(p, cert->serial);
	pack_str(p, cert->name);
	pack_str(p, cert->org);
	pack_int(p, cert->not_before.ms);
	pack_int(p, cert->not_after.ms);
	pack_prefixes(p, cert->prefixes, cert->prefix_count);
	pack_uint(p, cert->roles);
}

static enum err unpack_cert(struct bytes body, struct cert *ret)
{
	struct unpack u = {.in = body};
	struct cert cert = {.prefix_count = 0};
	size_t fields = unpack_array(&u);

	/* The version first: another one may have more fields, or fewer. */
	if (unpack_uint(&u, UINT64_MAX) != CERT_VERSION)
		return u.is_wrong ? ERR_FORMAT : ERR_VERSION;
	if (fields != CERT_FIELDS)
		return ERR_FORMAT;
	unpack_fixed(&u, cert.root.octets, sizeof(cert.root.octets));
	unpack_fixed(&u, cert.member.octets, sizeof(cert.member.octets));
	unpack_fixed(&u, cert.salt, sizeof(cert.salt));
	cert.serial = unpack_uint(&u, UINT64_MAX);
	unpack_str(&u, cert.name, sizeof(cert.name));
	unpack_str(&u, cert.org, sizeof(cert.org));
	cert.not_before.ms = unpack_int(&u);
	cert.not_after.ms = unpack_int(&u);
	cert.prefix_count = unpack_prefixes(&u, cert.prefixes);
	cert.roles = (uint32_t)unpack_uint(&u, UINT32_MAX);
	u.is_wrong |= !are_roles(cert.roles);
	if (!unpack_done(&u) || !is_name(cert.name) || !is_name(cert.org))
		return ERR_FORMAT;
	*ret = cert;
	return ERR_OK;
}

enum err cert_issue(const struct key_pair *root, struct cert *cert, struct cert_blob *ret)
{
	uint8_t body[CERT_MAX];
	struct pack p = pack_into(body, sizeof(body));

	if (!is_name(cert->name) || !is_name(cert->org) || !are_roles(cert->roles) ||
	    !are_sound(cert->prefixes, cert->prefix_count))
		return ERR_RANGE;
	cert->root = root->public;
	pack_cert(&p, cert);
	ret->len = envelope_pack(root, CERT_DOMAIN, &p, ret->octets, sizeof(ret->octets));
	CHECK(ret->len > 0);
	return ERR_OK;
}

bool cert_allows(const struct cert *cert, const struct addr *a)
{
	for (size_t i = 0; i < cert->prefix_count; i++) {
		if (prefix_has(&cert->prefixes[i], a))
			return true;
	}
	return false;
}

bool roots_have(const struct roots *roots, const struct public_key *root)
{
	for (size_t i = 0; i < roots->count; i++) {
		if (memcmp(&roots->keys[i], root, sizeof(*root)) == 0)
			return true;
	}
	return false;
}

enum err cert_open(const void *data, size_t len, const struct roots *roots, struct wall now,
                   struct cert *ret)
{
	struct signature signature;
	struct bytes body;
	struct cert cert;
	enum err err = envelope_cut(data, len, CERT_MAX, &body, &signature);

	if (err == ERR_OK)
		err = unpack_cert(body, &cert);
	if (err != ERR_OK)
		return err;
	if (!roots_have(roots, &cert.root))
		return ERR_ROOT;
	err = verify(&cert.root, CERT_DOMAIN, body.at, bytes_left(&body), &signature);
	if (err != ERR_OK)
		return err;
	*ret = cert;
	if (now.ms != INT64_MIN && (now.ms < cert.not_before.ms || now.ms > cert.not_after.ms))
		return ERR_EXPIRED;
	return ERR_OK;
}

void key_file_print(const char *kind, const void *data, size_t len, char room[KEY_FILE_MAX])
{
	const uint8_t *at = data;
	size_t used = (size_t)snprintf(room, KEY_FILE_MAX, "%s ", kind);

	CHECK(used + 2 * len + 2 <= KEY_FILE_MAX);
	for (size_t i = 0; i < len; i++)
		used += (size_t)snprintf(room + used, KEY_FILE_MAX - used, "%02x", at[i]);
	room[used] = '\n';
	room[used + 1] = '\0';
}

static int nibble(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits);
}

enum err key_file_parse(const char *text, const char *kind, void *room, size_t *len)
{
	size_t skip = strlen(kind), count = 0;
	uint8_t *out = room;

	if (strncmp(text, kind, skip) != 0 || text[skip] != ' ')
		return ERR_FORMAT;
	for (text += skip + 1; *text != '\0' && *text != '\n'; text += 2) {
		int high = nibble(text[0]), low = high < 0 ? -1 : nibble(text[1]);

		if (low < 0)
			return ERR_FORMAT;
		if (count == *len)
			return ERR_LIMIT;
		out[count++] = (uint8_t)(high << 4 | low);
	}
	if (strcmp(text, "\n") != 0 && *text != '\0')
		return ERR_FORMAT;
	*len = count;
	return ERR_OK;
}

enum err request_pack(const struct key_pair *member, const struct request *request, void *room,
                      size_t *len)
{
	struct pack p = pack_into(room, *len);
	struct signature signature;

	if (!is_name(request->name) || !is_name(request->org) ||
	    !are_sound(request->prefixes, request->prefix_count))
		return ERR_RANGE;
	pack_array(&p, REQUEST_FIELDS);
	pack_uint(&p, REQUEST_VERSION);
	pack_bin(&p, member->public.octets, sizeof(member->public.octets));
	pack_str(&p, request->name);
	pack_str(&p, request->org);
	pack_prefixes(&p, request->prefixes, request->prefix_count);
	if (p.out.is_full)
		return ERR_LIMIT;
	signature = sign(member, REQUEST_DOMAIN, room, pack_len(&p));
	octets_put(&p.out, signature.octets, sizeof(signature.octets));
	if (p.out.is_full)
		return ERR_LIMIT;
	*len = pack_len(&p);
	return ERR_OK;
}

enum err request_open(const void *data, size_t len, struct request *ret)
{
	struct bytes in = bytes_of(data, len);
	struct bytes body = bytes_cut(&in, len < SIGNATURE_LEN ? 0 : len - SIGNATURE_LEN);
	struct unpack u = {.in = body};
	struct signature signature;
	struct request request = {.prefix_count = 0};
	size_t fields = unpack_array(&u);
	enum err err;

	bytes_copy(&in, signature.octets, sizeof(signature.octets));
	if (unpack_uint(&u, UINT64_MAX) != REQUEST_VERSION)
		return u.is_wrong ? ERR_FORMAT : ERR_VERSION;
	u.is_wrong |= fields != REQUEST_FIELDS;
	unpack_fixed(&u, request.member.octets, sizeof(request.member.octets));
	unpack_str(&u, request.name, sizeof(request.name));
	unpack_str(&u, request.org, sizeof(request.org));
	request.prefix_count = unpack_prefixes(&u, request.prefixes);
	if (!unpack_done(&u) || in.is_short || !is_name(request.name) || !is_name(request.org))
		return ERR_FORMAT;
	err = verify(&request.member, REQUEST_DOMAIN, body.at, bytes_left(&body), &signature);
	if (err == ERR_OK)
		*ret = request;
	return err;
}
