#include "node/peers.h"

#include "base/util.h"
#include "node/node.h"
#include "node/requests.h"
#include "node/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 4096

static struct card *gone_of(const struct peers *p, const struct id *id)
{
	for (size_t i = 0; i < p->count; i++) {
		if (id_equal(&p->gone[i].id, id))
			return &p->gone[i];
	}
	return NULL;
}

void peers_gone(struct peers *p, const struct card *card)
{
	struct card *gone = gone_of(p, &card->id);

	if (p->gone == NULL)
		p->gone = calloc(PEERS_GONE_MAX, sizeof(*p->gone));
	if (p->gone == NULL || (gone == NULL && p->count == PEERS_GONE_MAX))
		return;
	if (gone == NULL)
		gone = &p->gone[p->count++];
	*gone = *card;
}

void peers_back(struct peers *p, const struct id *id)
{
	struct card *gone = gone_of(p, id);

	if (gone != NULL)
		*gone = p->gone[--p->count];
}

void peers_free(struct peers *p)
{
	free(p->gone);
}

/* Who it is and how it is, in few words. `distance`: 2 to that power and more, but below twice
 * that. */
static void put_summary(struct pack *p, const struct card *card, const struct member *m,
                        const char *state, struct now now)
{
	bool is_met = m != NULL && m->seen.ms != 0;

	row_str(p, "name", card->cert.name);
	row_str(p, "org", card->cert.org);
	row_hex(p, "id", card->id.octets, sizeof(card->id.octets));
	row_str(p, "state", state);
	if (m == NULL || (m->endpoint.port == 0))
		row_nil(p, "address");
	else
		row_endpoint(p, "address", &m->endpoint);
	row_bool(p, "is_verified", m != NULL && m->is_proven);
	row_bool(p, "in_table", m != NULL && m->is_in_table);
	if (m != NULL)
		row_uint(p, "distance", 255u - m->distance);
	else
		row_nil(p, "distance");
	row_time(p, "expires", card->cert.not_after.ms);
	if (is_met)
		row_time(p, "last_seen", now.wall.ms - (int64_t)(now.mono.ms - m->seen.ms));
	else
		row_nil(p, "last_seen");
	if (m == NULL || m->rtt_ms == MEMBER_RTT_UNKNOWN)
		row_nil(p, "rtt_ms");
	else
		row_uint(p, "rtt_ms", m->rtt_ms);
	if (m != NULL && m->has_said)
		row_str(p, "last_answer", receipt_kind_text(m->said));
	else
		row_nil(p, "last_answer");
}
#define SUMMARY_ROWS 12

static const char *state_of_gone(const struct node *node, const struct card *card, struct now now)
{
	if (card->cert.not_after.ms < now.wall.ms)
		return "expired";
	return trust_is_revoked(overlay_trust(node->link.overlay), &card->cert) ? "revoked"
	                                                                        : "untrusted";
}

struct visit {
	struct client *client;
	const struct node *node;
	const char *name; /* whose, of `peers show` */
	size_t count;
	struct now now;
	void (*put)(struct pack *p, const struct card *card, const struct member *m,
	            const char *state, struct now now);
};

static void put_list_row(struct pack *p, const struct card *card, const struct member *m,
                         const char *state, struct now now)
{
	pack_map(p, SUMMARY_ROWS);
	put_summary(p, card, m, state, now);
}

static void put_endpoints(struct pack *p, const struct record *r)
{
	char text[ENDPOINT_TEXT_MAX];

	pack_str(p, "advertised");
	pack_array(p, r->endpoint_count);
	for (size_t i = 0; i < r->endpoint_count; i++)
		pack_str(p, endpoint_print(&r->endpoints[i], text));
}

static void put_certificate(struct pack *p, const struct cert *cert)
{
	static const struct {
		enum cert_role role;
		const char *name;
	} roles[] = {{CERT_ROLE_ASK, "ask"}, {CERT_ROLE_ANSWER, "answer"}};
	char text[PREFIX_TEXT_MAX];
	size_t count = 0;

	pack_str(p, "certificate");
	pack_map(p, 7);
	row_hex(p, "root", cert->root.octets, sizeof(cert->root.octets));
	row_hex(p, "key", cert->member.octets, sizeof(cert->member.octets));
	row_uint(p, "serial", cert->serial);
	row_time(p, "not_before", cert->not_before.ms);
	row_time(p, "not_after", cert->not_after.ms);
	pack_str(p, "prefixes");
	pack_array(p, cert->prefix_count);
	for (size_t i = 0; i < cert->prefix_count; i++)
		pack_str(p, prefix_print(&cert->prefixes[i], text));
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		count += (cert->roles & (uint32_t)roles[i].role) != 0;
	pack_str(p, "roles");
	pack_array(p, count);
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		if ((cert->roles & (uint32_t)roles[i].role) != 0)
			pack_str(p, roles[i].name);
	}
}

static void put_all(struct pack *p, const struct card *card, const struct member *m,
                    const char *state, struct now now)
{
	const struct record *r = &card->record;

	pack_map(p, SUMMARY_ROWS + 3);
	put_summary(p, card, m, state, now);
	put_endpoints(p, r);
	put_certificate(p, &card->cert);
	pack_str(p, "operational");
	pack_map(p, 5);
	row_uint(p, "sequence", r->seq);
	row_hex(p, "signs", r->sign.octets, sizeof(r->sign.octets));
	row_hex(p, "exchanges", r->kx.octets, sizeof(r->kx.octets));
	row_time(p, "not_before", r->not_before.ms);
	row_time(p, "not_after", r->not_after.ms);
}

/* By name, by id, or by the beginning of an id of at least four digits. */
static bool is_meant(const char *name, const struct card *card)
{
	char id[2 * sizeof(card->id.octets) + 1];
	size_t len = strlen(name);

	if (name[0] == '\0' || strcmp(name, card->cert.name) == 0)
		return true;
	for (size_t i = 0; i < sizeof(card->id.octets); i++)
		snprintf(id + 2 * i, 3, "%02x", card->id.octets[i]);
	return len >= 4 && strncmp(name, id, len) == 0;
}

static void visit(struct visit *v, const struct card *card, const struct member *m,
                  const char *state)
{
	uint8_t room[ROOM];
	struct pack p = pack_into(room, sizeof(room));

	if (!is_meant(v->name, card))
		return;
	v->put(&p, card, m, state, v->now);
	client_send(v->client, "row", room, pack_len(&p), NULL, NULL);
	v->count++;
}

static void visit_all(struct visit *v)
{
	const struct overlay *overlay = v->node->link.overlay;
	const struct peers *peers = &v->node->peers;

	for (size_t i = 0; i < overlay_member_count(overlay); i++) {
		struct member m;

		overlay_member(overlay, i, &m);
		visit(v, m.card, &m, member_state_text(m.state));
	}
	for (size_t i = 0; i < peers->count; i++)
		visit(v, &peers->gone[i], NULL, state_of_gone(v->node, &peers->gone[i], v->now));
}

void request_peers(struct client *client, const struct ctl_request *request)
{
	struct visit v = {
		.client = client,
		.node = client_node(client),
		.name = request->node,
		.now = node_now(),
		.put = request->node[0] == '\0' ? put_list_row : put_all,
	};

	visit_all(&v);
	if (v.count > 0 || request->node[0] == '\0')
		client_end(client, v.count > 0 ? CTL_FOUND : CTL_NOTHING, NULL);
	else
		client_end(client, CTL_NOTHING, "no member is called %s, nor does an id begin so",
		           request->node);
}
