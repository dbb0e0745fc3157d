#include "tools/capture.h"

#include "base/util.h"
#include "tools/fragment.h"
#include "tools/frame.h"
#include "tools/pcapng.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define DATAGRAM_MAX 65535
#define HEAD_LEN 4 /* octets that tell what a file is */
#define IPFIX_VERSION 10
#define IPFIX_HEADER_LEN 16
#define TCP_HINT " (IPFIX over TCP goes to a node; out of a capture it is not read)"
#define READ_AHEAD (256 << 10)

/* A file, through zlib: which passes through what is not compressed. */
struct source {
	gzFile gz;
	uint8_t head[HEAD_LEN]; /* read to see what it is, and given again */
	size_t head_len, head_at;
	bool is_broken; /* the compressed data ends early or is damaged */
};

struct capture {
	struct source source;
	pcap_t *pcap; /* one of these, or neither: one datagram */
	struct pcapng *ng;
	int link; /* of pcap */
	uint64_t skipped[FRAME_SKIPS];
	struct fragments *fragments;
	int64_t modified_ms;
	int64_t last_ms; /* when the frame before was captured */
	bool is_given;   /* the one datagram */
	bool is_row;     /* messages of IPFIX, one behind the other (RFC 5655) */
	size_t lone_len;
	uint8_t lone[DATAGRAM_MAX + 1];
};

static PRINTF_LIKE(3, 4) enum err refuse(char *reterr, enum err err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reterr, CAPTURE_REASON_MAX, format, args);
	va_end(args);
	return err;
}

/* As many of `len` octets as there are. */
static size_t source_read(struct source *s, uint8_t *room, size_t len)
{
	size_t got = MIN(len, s->head_len - s->head_at);
	int n = 0, code;

	memcpy(room, s->head + s->head_at, got);
	s->head_at += got;
	while (got < len && (n = gzread(s->gz, room + got, (unsigned)MIN(len - got, 1U << 30))) > 0)
		got += (size_t)n;
	gzerror(s->gz, &code);
	if (got < len && code != Z_OK && code != Z_STREAM_END)
		s->is_broken = true;
	return got;
}

static ssize_t on_read(void *cookie, char *room, size_t len)
{
	struct source *s = cookie;
	size_t got = source_read(s, (uint8_t *)room, len);

	return (ssize_t)got;
}

static size_t on_block(void *ctx, uint8_t *room, size_t len)
{
	return source_read(ctx, room, len);
}

static bool is_pcapng(const uint8_t head[HEAD_LEN])
{
	static const uint8_t magic[HEAD_LEN] = {0x0a, 0x0d, 0x0d, 0x0a};

	return memcmp(head, magic, HEAD_LEN) == 0;
}

static bool is_pcap(const uint8_t head[HEAD_LEN])
{
	static const uint8_t magics[][HEAD_LEN] = {
		{0xa1, 0xb2, 0xc3, 0xd4}, {0xd4, 0xc3, 0xb2, 0xa1}, /* pcap, microseconds */
		{0xa1, 0xb2, 0x3c, 0x4d}, {0x4d, 0x3c, 0xb2, 0xa1}, /* pcap, nanoseconds */
		{0xa1, 0xb2, 0xcd, 0x34}, {0x34, 0xcd, 0xb2, 0xa1}, /* pcap, Kuznetzov's */
	};

	for (size_t i = 0; i < ARRAY_LEN(magics); i++) {
		if (memcmp(head, magics[i], HEAD_LEN) == 0)
			return true;
	}
	return false;
}

/* NetFlow says its version in 16 bits, sFlow in 32. */
static bool is_export(const uint8_t head[HEAD_LEN])
{
	struct bytes in = bytes_of(head, HEAD_LEN);
	uint64_t version = bytes_uint(&in, 2), second = bytes_uint(&in, 2);

	return version == 5 || version == 9 || version == 10 || (version == 0 && second == 5);
}

static bool is_ipfix(const uint8_t head[HEAD_LEN])
{
	return head[0] == 0 && head[1] == IPFIX_VERSION;
}

/* What people have as well, and what can be done with it; NULL: not known. */
static const char *other_of(const uint8_t *head, size_t len)
{
	static const struct {
		const char *magic;
		size_t len;
		const char *text;
	} others[] = {
		{"\x0c\xa5", 2, "a file of nfcapd: nfreplay(1) sends what it holds to a node"},
		{"\xa5\x0c", 2, "a file of nfcapd: nfreplay(1) sends what it holds to a node"},
		{"BZh", 3, "compressed with bzip2: give what bunzip2 -c makes of it to \"-\""},
		{"\xfd"
	         "7zX",
	         4, "compressed with xz: give what xzcat makes of it to \"-\""},
		{"\x28\xb5\x2f\xfd", 4,
	         "compressed with zstd: give what zstdcat makes of it to \"-\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (len >= others[i].len && memcmp(head, others[i].magic, others[i].len) == 0)
			return others[i].text;
	}
	return NULL;
}

static enum err open_pcap(struct capture *c, char *reterr)
{
	static const cookie_io_functions_t io = {.read = on_read};
	char why[PCAP_ERRBUF_SIZE];
	FILE *stream = fopencookie(&c->source, "r", io);
	const char *name;

	if (stream == NULL)
		return refuse(reterr, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	setvbuf(stream, NULL, _IOFBF, READ_AHEAD);
	c->pcap = pcap_fopen_offline(stream, why);
	if (c->pcap == NULL) {
		fclose(stream);
		return refuse(reterr, ERR_FORMAT, "not a whole capture: %s", why);
	}
	c->link = pcap_datalink(c->pcap);
	if (frame_is_link(c->link))
		return ERR_OK;
	name = pcap_datalink_val_to_name(c->link);
	return refuse(reterr, ERR_VERSION, "captured on a link of type %s (%d), which is not read",
	              name == NULL ? "unknown" : name, c->link);
}

static enum err open_lone(struct capture *c, char *reterr)
{
	c->lone_len = source_read(&c->source, c->lone, sizeof(c->lone));
	if (c->source.is_broken)
		return refuse(reterr, ERR_IO, "its compressed data is damaged or ends early");
	if (c->lone_len > DATAGRAM_MAX)
		return refuse(reterr, ERR_FORMAT, "neither a capture nor one export datagram");
	return ERR_OK;
}

static enum err open_content(struct capture *c, char *reterr)
{
	uint8_t head[HEAD_LEN];
	size_t len = source_read(&c->source, head, sizeof(head));
	const char *other = other_of(head, len);

	memcpy(c->source.head, head, len);
	c->source.head_len = len;
	if (len == 0 && !c->source.is_broken)
		return refuse(reterr, ERR_FORMAT, "the file is empty");
	c->fragments = fragments_new();
	if (c->fragments == NULL)
		return refuse(reterr, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	if (len == HEAD_LEN && is_pcap(head))
		return open_pcap(c, reterr);
	if (len == HEAD_LEN && is_pcapng(head)) {
		c->ng = pcapng_new(on_block, &c->source);
		return c->ng != NULL ? ERR_OK
		                     : refuse(reterr, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	}
	c->is_row = len == HEAD_LEN && is_ipfix(head);
	if (c->is_row)
		return ERR_OK;
	if (len == HEAD_LEN && is_export(head))
		return open_lone(c, reterr);
	if (c->source.is_broken)
		return refuse(reterr, ERR_IO, "its compressed data is damaged or ends early");
	return refuse(reterr, ERR_FORMAT, "%s",
	              other != NULL ? other : "neither a capture nor one export datagram");
}

static enum err open_file(struct capture *c, const char *path, char *reterr)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (fd < 0)
		return refuse(reterr, ERR_IO, "%s", strerror(errno));
	if (fstat(fd, &status) != 0 || S_ISDIR(status.st_mode)) {
		close(fd);
		return refuse(reterr, ERR_IO, "%s", strerror(EISDIR));
	}
	c->last_ms = c->modified_ms =
		(int64_t)status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000;
	c->source.gz = gzdopen(fd, "rb");
	if (c->source.gz == NULL) {
		close(fd);
		return refuse(reterr, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	}
	gzbuffer(c->source.gz, READ_AHEAD);
	return open_content(c, reterr);
}

enum err capture_open(const char *path, struct capture **ret, char reterr[CAPTURE_REASON_MAX])
{
	struct capture *c = calloc(1, sizeof(*c));
	enum err err;

	if (c == NULL)
		return refuse(reterr, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	err = open_file(c, path, reterr);
	if (err == ERR_OK)
		*ret = c;
	else
		capture_close(c);
	return err;
}

static enum err next_lone(struct capture *c, struct capture_datagram *ret)
{
	if (c->is_given)
		return ERR_NOENT;
	c->is_given = true;
	*ret = (struct capture_datagram){
		.received_ms = c->modified_ms,
		.data = bytes_of(c->lone, c->lone_len),
	};
	return ERR_OK;
}

static bool is_zero(const uint8_t *at, size_t len)
{
	while (len > 0 && at[len - 1] == 0)
		len--;
	return len == 0;
}

/*
 * What is no message, or is cut off, is given as it is: it is counted by who decodes it. Zeros fill
 * up.
 */
static enum err next_message(struct capture *c, struct capture_datagram *ret)
{
	size_t len = source_read(&c->source, c->lone, HEAD_LEN), whole = DATAGRAM_MAX;
	struct bytes head = bytes_of(c->lone, HEAD_LEN);

	if (len == 0)
		return c->source.is_broken ? ERR_TORN : ERR_NOENT;
	bytes_uint(&head, 2);
	if (len == HEAD_LEN && is_ipfix(c->lone))
		whole = (size_t)bytes_uint(&head, 2);
	if (whole < IPFIX_HEADER_LEN)
		whole = DATAGRAM_MAX; /* nobody knows where the next begins */
	if (len == HEAD_LEN)
		len += source_read(&c->source, c->lone + len, whole - len);
	if (c->source.is_broken)
		return ERR_TORN;
	if (is_zero(c->lone, len))
		return ERR_NOENT;
	*ret = (struct capture_datagram){
		.received_ms = c->modified_ms,
		.data = bytes_of(c->lone, len),
	};
	return ERR_OK;
}

struct captured { /* a frame */
	int link; /* -1: not one that is read */
	int64_t time_ms;
	struct bytes data;
};

static enum err next_pcap(struct capture *c, struct captured *ret)
{
	struct pcap_pkthdr *header;
	const u_char *data;
	int got = pcap_next_ex(c->pcap, &header, &data);

	if (got != 1)
		return got == PCAP_ERROR_BREAK && !c->source.is_broken ? ERR_NOENT : ERR_TORN;
	ret->link = c->link;
	ret->time_ms = (int64_t)header->ts.tv_sec * 1000 + header->ts.tv_usec / 1000;
	ret->data = bytes_of(data, header->caplen);
	return ERR_OK;
}

static enum err next_pcapng(struct capture *c, struct captured *ret)
{
	struct pcapng_packet packet;
	enum err err = pcapng_next(c->ng, &packet);

	if (err == ERR_NOENT && c->source.is_broken)
		return ERR_TORN;
	if (err != ERR_OK)
		return err;
	ret->link = frame_link_of(packet.linktype);
	/* One without a time came right after the one before. */
	ret->time_ms = packet.has_time ? packet.time_ms : c->last_ms;
	ret->data = packet.data;
	return ERR_OK;
}

/* What a frame gives: a datagram, or the last piece of one. */
static enum frame_skip open_frame(struct capture *c, const struct captured *in,
                                  struct capture_datagram *ret)
{
	struct fragment fragment;
	struct bytes whole;
	enum frame_skip skip = frame_open(in->link, in->data, &ret->from, &ret->data, &fragment);

	ret->received_ms = in->time_ms;
	if (skip == FRAME_FRAGMENT && fragments_add(c->fragments, &fragment, &whole))
		return frame_open_udp(whole, &fragment.src, &ret->from, &ret->data);
	return skip;
}

enum err capture_next(struct capture *c, struct capture_datagram *ret)
{
	if (c->is_row)
		return next_message(c, ret);
	if (c->pcap == NULL && c->ng == NULL)
		return next_lone(c, ret);
	for (;;) {
		struct capture_datagram d = {.received_ms = 0};
		struct captured in;
		enum frame_skip skip;
		enum err err = c->pcap != NULL ? next_pcap(c, &in) : next_pcapng(c, &in);

		if (err != ERR_OK)
			return err;
		c->last_ms = in.time_ms;
		skip = open_frame(c, &in, &d);
		if (skip == FRAME_TAKEN) {
			*ret = d;
			return ERR_OK;
		}
		c->skipped[skip] += skip != FRAME_FRAGMENT; /* those may come together yet */
	}
}

uint64_t capture_skipped(const struct capture *c, char room[CAPTURE_SKIPPED_MAX])
{
	uint64_t total = 0;
	size_t used = 0;

	room[0] = '\0';
	for (size_t i = FRAME_TAKEN + 1; i < FRAME_SKIPS; i++) {
		uint64_t count = i == FRAME_FRAGMENT ? fragments_lost(c->fragments) : c->skipped[i];

		total += count;
		if (count > 0)
			used += (size_t)snprintf(
				room + used, CAPTURE_SKIPPED_MAX - used, "%s%s %llu%s",
				used == 0 ? "" : ", ", frame_skip_text((enum frame_skip)i),
				(unsigned long long)count, i == FRAME_TCP ? TCP_HINT : "");
	}
	return total;
}

const char *capture_failure(enum err err)
{
	if (err == ERR_TORN)
		return "the file ends inside a frame, or is damaged";
	if (err == ERR_FORMAT)
		return "what follows in the file is no block of pcapng: it is damaged";
	if (err == ERR_LIMIT)
		return "a block of the file is larger than any packet, or it has too many "
		       "interfaces";
	return err_text(err);
}

void capture_close(struct capture *c)
{
	if (c == NULL)
		return;
	if (c->pcap != NULL)
		pcap_close(c->pcap); /* and the stream over the source */
	pcapng_free(c->ng);
	fragments_free(c->fragments);
	if (c->source.gz != NULL)
		gzclose(c->source.gz);
	free(c);
}
