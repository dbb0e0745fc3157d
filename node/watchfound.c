#include "node/watchfound.h"

#include "base/util.h"
#include "correlate/score.h"
#include "node/bundle.h"
#include "node/log.h"
#include "node/node.h"
#include "node/sheet.h"
#include "node/watchrow.h"

#include <stdlib.h>
#include <string.h>

static void keep(const struct watch *w, const struct watch_found *f)
{
	uint8_t room[STANDING_MAX];
	size_t len = standing_pack_found(w->id, &f->found, room);

	keeper_put(&w->watches->node->keeper, KEEPER_FOUND, &f->id, room, len);
}

static void tell(struct watch *w, struct watch_found *one)
{
	const struct discovery *f = &one->found;
	const struct finding *finding = &f->finding;
	const char *kind = one->was_known ? "significant" : "found";
	uint8_t room[WATCHROW_FOUND_MAX];
	struct pack p = pack_into(room, sizeof(room));
	char id[WATCH_ID_TEXT_MAX], src[ENDPOINT_TEXT_MAX], dst[ENDPOINT_TEXT_MAX];
	char path[CONF_PATH_MAX] = "";

	(void)bundle_path(w->watches->node, &f->query, path);
	log_line("watch", "%s: %s at %s (%s): %s to %s, score %.1f%s; evidence: %s",
	         watchrow_id(w->id, id), one->was_known ? "now significant" : "found", f->node,
	         f->org, endpoint_print(&finding->src, src), endpoint_print(&finding->dst, dst),
	         finding->score, f->is_significant ? "" : ", which may be chance", path);
	watchrow_found(&p, w, kind, f);
	audience_tell(&w->watches->audience, w->id, room, pack_len(&p));
	one->is_told = true;
}

static struct watch_found *found_of(struct watch *w, const struct id *id)
{
	for (size_t i = 0; i < w->found_count; i++) {
		if (id_equal(&w->found[i].id, id))
			return &w->found[i];
	}
	return NULL;
}

/* A member may say what it likes: no more of it is listed than leaves room for what others find. */
static bool has_room_for(const struct watch *w, const struct public_key *member)
{
	size_t count = 0;

	for (size_t i = 0; i < w->found_count; i++)
		count += memcmp(&w->found[i].found.member, member, sizeof(*member)) == 0;
	return count < WATCH_FOUND_OF_ONE_MAX;
}

/* A place for one more; NULL when there is none. */
static struct watch_found *found_new(struct watch *w, const struct id *id)
{
	size_t space = MIN(MAX(2 * w->found_space, (size_t)16), (size_t)WATCH_FOUND_MAX);
	struct watch_found *found;

	if (w->found_count == w->found_space && w->found_space < WATCH_FOUND_MAX) {
		found = realloc(w->found, space * sizeof(*found));
		if (found == NULL)
			return NULL;
		w->found = found;
		w->found_space = space;
	}
	if (w->found_count == w->found_space)
		return NULL;
	found = &w->found[w->found_count++];
	*found = (struct watch_found){.id = *id};
	return found;
}

static void say_full(struct watch *w)
{
	char id[WATCH_ID_TEXT_MAX];

	if (!w->is_full)
		log_line("watch",
		         "%s: more is found than one tells: %d connections, %d by one member",
		         watchrow_id(w->id, id), WATCH_FOUND_MAX, WATCH_FOUND_OF_ONE_MAX);
	w->is_full = true;
}

/* News is what was not known, and what was known but could not be told from chance. */
static bool take(struct watch *w, const struct sheet *sheet, size_t at)
{
	const struct line *line = &sheet->lines[at];
	const struct finding *f = line->finding;
	const struct cert *cert = sheet->certs[line->node];
	bool is_significant = at < sheet->significant;
	struct id id = standing_found_id(w->id, &cert->member, f);
	struct watch_found *one = found_of(w, &id);
	bool was_known = one != NULL;

	if (was_known && (one->found.is_significant || !is_significant))
		return false;
	if (!was_known && has_room_for(w, &cert->member))
		one = found_new(w, &id);
	if (one == NULL) {
		say_full(w);
		return false;
	}
	one->is_told = false;
	one->was_known = was_known;
	one->found = (struct discovery){
		.at_ms = node_now().wall.ms,
		.is_significant = is_significant,
		.p_value = score_p_value(f->score, sheet->searched),
		.query = w->pursuit.rounds[line->question]->query.id,
		.member = cert->member,
		.finding = *f,
	};
	memcpy(one->found.node, cert->name, sizeof(cert->name));
	memcpy(one->found.org, cert->org, sizeof(cert->org));
	keep(w, one);
	return true;
}

static void write_bundles(const struct watch *w)
{
	const struct pursuit *p = &w->pursuit;
	char path[CONF_PATH_MAX];

	for (size_t i = 0; i < p->round_count; i++) {
		if (bundle_write(p->node, p->rounds[i], path) != ERR_OK)
			log_line("watch", "the evidence could not be written to %s",
			         p->node->conf.traces);
	}
	bundles_bound(p->node);
}

bool watchfound_take(struct watch *w, const struct sheet *sheet)
{
	bool is_news = false;

	for (size_t i = 0; i < sheet->line_count && line_is_match(&sheet->lines[i]); i++)
		is_news |= take(w, sheet, i);
	if (is_news)
		write_bundles(w);
	for (size_t i = 0; i < w->found_count; i++) {
		if (!w->found[i].is_told)
			tell(w, &w->found[i]);
	}
	return is_news;
}

/* What is of no watch goes, if all that were kept are there: nobody else would ever remove it. */
static void leave_out(struct watches *all, const struct id *id, enum err err)
{
	all->strays++;
	if (err == ERR_FORMAT || (err == ERR_NOENT && !all->is_partial))
		keeper_put(&all->node->keeper, KEEPER_FOUND, id, "", 0);
}

static enum err recall(struct watches *all, const struct id *id, struct bytes in)
{
	struct watch_found *one;
	struct discovery found;
	struct watch *w;
	struct id of_found;
	uint32_t of;
	enum err err = standing_read_found(in, &of, &found);

	if (err != ERR_OK)
		return err;
	of_found = standing_found_id(of, &found.member, &found.finding);
	if (!id_equal(id, &of_found))
		return ERR_FORMAT;
	w = watches_find(all, of);
	if (w == NULL)
		return ERR_NOENT;
	one = found_new(w, id);
	if (one == NULL)
		return ERR_NOMEM;
	one->found = found;
	one->is_told = true;
	return ERR_OK;
}

void watchfound_recall(void *ctx, const uint8_t key[STORE_NOTE_KEY], const void *data, size_t len)
{
	struct watches *all = ctx;
	struct id id;
	enum err err;

	memcpy(id.octets, key, sizeof(id.octets));
	err = recall(all, &id, bytes_of(data, len));
	if (err != ERR_OK)
		leave_out(all, &id, err);
}

static int by_time(const void *a, const void *b)
{
	const struct discovery *x = &((const struct watch_found *)a)->found;
	const struct discovery *y = &((const struct watch_found *)b)->found;

	return (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
}

void watchfound_sort(struct watch *w)
{
	if (w->found_count > 0)
		qsort(w->found, w->found_count, sizeof(w->found[0]), by_time);
}
