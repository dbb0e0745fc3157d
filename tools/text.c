#include "tools/text.h"

#include "base/timestamp.h"
#include "base/util.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS 100
#define COLUMNS_MIN 60
#define COLUMNS_MAX 120

static const struct {
	const char *name;
	uint64_t number;
} protocols[] = {
	{"icmp", 1}, {"igmp", 2}, {"tcp", 6},    {"udp", 17},   {"ipv6", 41},
	{"gre", 47}, {"esp", 50}, {"icmp6", 58}, {"sctp", 132},
};

struct text_style text_style_of(FILE *stream)
{
	const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
	bool is_tty = isatty(fileno(stream)) == 1;
	struct winsize size = {.ws_col = 0};

	if (is_tty && ioctl(fileno(stream), TIOCGWINSZ, &size) != 0)
		size.ws_col = 0;
	return (struct text_style){
		.is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
		.is_tty = is_tty,
		.columns = size.ws_col,
		.is_colour = is_tty && (no_colour == NULL || *no_colour == '\0') && term != NULL &&
	                     strcmp(term, "dumb") != 0,
	};
}

size_t text_columns(struct text_style style)
{
	if (style.columns == 0)
		return COLUMNS;
	return MIN(MAX(style.columns, (size_t)COLUMNS_MIN), (size_t)COLUMNS_MAX);
}

const char *text_proto(uint64_t number, char room[TEXT_WORD_MAX])
{
	snprintf(room, TEXT_WORD_MAX, "%llu", (unsigned long long)number);
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		if (protocols[i].number == number)
			snprintf(room, TEXT_WORD_MAX, "%s", protocols[i].name);
	}
	return room;
}

bool text_proto_parse(const char *text, uint64_t *ret)
{
	uint64_t number;

	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		if (strcasecmp(protocols[i].name, text) == 0) {
			*ret = protocols[i].number;
			return true;
		}
	}
	if (number_parse(text, 255, &number) != ERR_OK || number == 0)
		return false;
	*ret = number;
	return true;
}

const char *text_flags(uint64_t flags, char room[TEXT_WORD_MAX])
{
	static const char letters[] = "CEUAPRSF"; /* from the highest bit */

	for (size_t i = 0; i < 8; i++)
		room[i] = (char)((flags >> (7 - i) & 1) != 0 ? letters[i] : '.');
	room[8] = '\0';
	return room;
}

/* Octets of the UTF-8 character at `at`; 1 for what is none. */
static size_t character(const char *at, unsigned *ret_code)
{
	const unsigned char *u = (const unsigned char *)at;
	size_t len = u[0] < 0x80 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	unsigned code = len == 1 ? u[0] : u[0] & (0xffU >> (len + 1));

	*ret_code = '\0';
	for (size_t i = 1; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 1;
		code = code << 6 | (u[i] & 0x3fU);
	}
	*ret_code = code;
	return len;
}

static bool is_harmless(unsigned code, bool is_utf8)
{
	if (code < ' ' || (code >= 0x7f && code < 0xa0)) /* C0, DEL, C1 */
		return false;
	if (code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2066 && code <= 0x2069))
		return false;
	return is_utf8 || code < 0x7f;
}

void text_clean(const char *text, bool is_utf8, char *room, size_t len)
{
	char *end = room + len - 1;

	while (*text != '\0') {
		unsigned code;
		size_t octets = character(text, &code);
		bool is_good = is_harmless(code, is_utf8);

		if ((size_t)(end - room) < (is_good ? octets : 1))
			break;
		if (is_good)
			memcpy(room, text, octets);
		else
			*room = '?';
		room += is_good ? octets : 1;
		text += octets;
	}
	*room = '\0';
}

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80 ? 1 : 0;
	return width;
}
