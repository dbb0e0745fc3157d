#include "node/bundle.h"

#include "base/util.h"
#include "node/node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define STATEMENT_MAX (CARD_MAX + RECEIPT_MAX + 32) /* without its answer */

static enum err write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "wbx");
	bool is_written;

	if (f == NULL)
		return ERR_IO;
	is_written = fwrite(data, 1, len, f) == len;
	if (fclose(f) == 0 && is_written)
		return ERR_OK;
	(void)remove(path); /* half of the evidence is none */
	return ERR_IO;
}

static void put_statement(struct pack *p, const struct card *card,
                          const struct receipt_blob *receipt, struct bytes answer)
{
	pack_array(p, 4);
	pack_bin(p, card->cert_blob.octets, card->cert_blob.len);
	pack_bin(p, card->record_blob.octets, card->record_blob.len);
	if (receipt != NULL)
		pack_bin(p, receipt->octets, receipt->len);
	else
		pack_nil(p);
	if (bytes_left(&answer) > 0)
		pack_bin(p, answer.at, bytes_left(&answer));
	else
		pack_nil(p);
}

/* What this node's own store says, as it would say it to another. */
static bool put_own(struct pack *p, const struct node *node, const struct round *r)
{
	const struct overlay_self *self = &node->keys.self;
	uint8_t own[ANSWER_MAX];
	size_t len = sizeof(own);

	if (answer_sign(&r->search.answer, &r->query, &self->card.id, &self->operational, own,
	                &len) != ERR_OK)
		return false;
	put_statement(p, &self->card, NULL, bytes_of(own, len));
	return true;
}

static struct bytes evidence_of(const struct round *r, const struct cert *cert)
{
	for (size_t i = 0; i < r->reply_count; i++) {
		const struct trace_reply *reply = &r->replies[i];

		if (reply->age == 0 &&
		    memcmp(&reply->cert.member, &cert->member, sizeof(cert->member)) == 0)
			return bytes_of(reply->evidence, reply->evidence_len);
	}
	return bytes_of(NULL, 0);
}

static bool has_spoken(const struct round *r, const struct trace_outcome *o)
{
	struct bytes evidence = evidence_of(r, &o->card.cert);

	return o->has_receipt || bytes_left(&evidence) > 0;
}

static enum err pack_bundle(struct pack *p, const struct node *node, const struct round *r)
{
	size_t count = 1;

	for (size_t i = 0; i < r->outcome_count; i++)
		count += has_spoken(r, &r->outcomes[i]);
	pack_array(p, 3);
	pack_str(p, "spoor bundle 2");
	pack_bin(p, r->blob.octets, r->blob.len);
	pack_array(p, count);
	if (!put_own(p, node, r))
		return ERR_LIMIT;
	for (size_t i = 0; i < r->outcome_count; i++) {
		const struct trace_outcome *o = &r->outcomes[i];

		if (has_spoken(r, o))
			put_statement(p, &o->card, o->has_receipt ? &o->receipt_blob : NULL,
			              evidence_of(r, &o->card.cert));
	}
	return p->out.is_full ? ERR_LIMIT : ERR_OK;
}

bool bundle_path(const struct node *node, const struct query_id *query,
                 char ret_path[CONF_PATH_MAX])
{
	char id[2 * sizeof(*query) + 1];

	for (size_t i = 0; i < sizeof(query->octets); i++)
		snprintf(id + 2 * i, 3, "%02x", query->octets[i]);
	return snprintf(ret_path, CONF_PATH_MAX, "%s/%s.spoor", node->conf.traces, id) <
	       CONF_PATH_MAX;
}

static enum err make_path(const struct node *node, const struct round *r,
                          char ret_path[CONF_PATH_MAX])
{
	if (!bundle_path(node, &r->query.id, ret_path) ||
	    (mkdir(node->conf.traces, 0700) != 0 && errno != EEXIST))
		return ERR_IO;
	return ERR_OK;
}

enum err bundle_write(const struct node *node, const struct round *round,
                      char ret_path[CONF_PATH_MAX])
{
	size_t space = QUERY_MAX + ANSWER_MAX * (round->reply_count + 1) +
	               STATEMENT_MAX * (round->outcome_count + 1) + 64;
	uint8_t *room = malloc(space);
	struct pack p = pack_into(room, space);
	enum err err = room == NULL ? ERR_NOMEM : make_path(node, round, ret_path);

	if (err == ERR_OK)
		err = pack_bundle(&p, node, round);
	if (err == ERR_OK)
		err = write_file(ret_path, room, pack_len(&p));
	free(room);
	return err;
}
