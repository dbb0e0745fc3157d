#include "node/notices.h"

#include "node/log.h"
#include "node/node.h"
#include "node/plain.h"

#include <stdio.h>

#define AGAIN_MS 5000

/* A line is a page. Those known already are no news, and no fault. */
static enum err take_line(struct node *node, const char *line)
{
	uint8_t page[NOTICE_MAX];
	size_t len = sizeof(page);
	enum err err = key_file_parse(line, "spoor-notices", page, &len);

	if (err != ERR_OK)
		return err;
	err = overlay_notice(node->link.overlay, node_now(), page, len);
	if (err == ERR_OK)
		log_line("notices", "a page of a root's list has taken effect");
	return err == ERR_STALE ? ERR_OK : err;
}

static enum err take_file(struct node *node, const char *path)
{
	char line[KEY_FILE_MAX];
	FILE *f = plain_open(path);
	enum err err = ERR_OK, one;

	if (f == NULL)
		return ERR_NOENT;
	while (fgets(line, sizeof(line), f) != NULL) {
		one = take_line(node, line);
		if (err == ERR_OK)
			err = one;
	}
	fclose(f);
	return err;
}

static void take_all(struct notices *n)
{
	const struct conf *conf = &n->node->conf;

	for (size_t i = 0; i < conf->notice_count; i++) {
		enum err err = take_file(n->node, conf->notices[i]);

		if (err != n->last[i] && err != ERR_OK)
			log_line("notices", "%s: %s", conf->notices[i], err_text(err));
		n->last[i] = err;
	}
	link_drive(&n->node->link);
}

static void on_timer(uv_timer_t *timer)
{
	take_all(timer->data);
}

void notices_start(struct notices *n, struct node *node)
{
	if (node->conf.notice_count == 0)
		return;
	n->node = node;
	uv_timer_init(&node->loop, &n->timer);
	n->timer.data = n;
	n->is_open = true;
	take_all(n);
	uv_timer_start(&n->timer, on_timer, AGAIN_MS, AGAIN_MS);
}

void notices_stop(struct notices *n)
{
	if (n->is_open)
		uv_close((uv_handle_t *)&n->timer, NULL);
}
