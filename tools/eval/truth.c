#include "tools/eval/truth.h"

#include "tools/eval/times.h"
#include "tools/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_end(const json_t *tuple, const char *addr_key, const char *port_key,
                     struct endpoint *ret)
{
	int64_t port = json_count(tuple, port_key, -1);

	ret->port = (uint16_t)port;
	return port >= 0 && port <= UINT16_MAX &&
	       addr_parse(json_text(tuple, addr_key), &ret->addr) == ERR_OK;
}

static bool read_view(const json_t *view, size_t session, size_t edge, struct truth_view *ret)
{
	const json_t *tuple = json_object_get(view, "tuple");

	snprintf(ret->gateway, sizeof(ret->gateway), "%s", json_text(view, "gateway"));
	ret->session = session;
	ret->edge = edge;
	ret->if_index = (uint32_t)json_count(view, "if_index", 0);
	ret->proto = (uint8_t)json_count(tuple, "proto", 6);
	return read_end(tuple, "src", "sport", &ret->src) &&
	       read_end(tuple, "dst", "dport", &ret->dst);
}

static size_t views_in(const json_t *sessions)
{
	size_t count = 0, i, k;
	json_t *session, *edge;

	json_array_foreach(sessions, i, session)
	{
		json_array_foreach(json_object_get(session, "edges"), k, edge) count +=
			json_array_size(json_object_get(edge, "views"));
	}
	return count;
}

static bool read_sessions(const json_t *sessions, struct truth *t)
{
	size_t i, k, v;
	json_t *session, *edge, *view;

	json_array_foreach(sessions, i, session)
	{
		snprintf(t->names[t->session_count], TRUTH_NAME_MAX, "%s",
		         json_text(session, "id"));
		json_array_foreach(json_object_get(session, "edges"), k, edge)
		{
			json_array_foreach(json_object_get(edge, "views"), v, view)
			{
				if (!read_view(view, t->session_count, k,
				               &t->views[t->view_count++]))
					return false;
			}
		}
		t->session_count++;
	}
	return true;
}

static void read_gateways(json_t *gateways, struct truth *t)
{
	const char *name;
	json_t *gateway;

	t->gateways = must_alloc(json_object_size(gateways), sizeof(*t->gateways));
	json_object_foreach(gateways, name, gateway)
	{
		if (json_is_true(json_object_get(gateway, "exporter")))
			snprintf(t->gateways[t->gateway_count++], TRUTH_NAME_MAX, "%s", name);
	}
}

bool truth_read(const char *path, struct truth *ret, char reterr[TRUTH_REASON_MAX])
{
	json_error_t error;
	json_t *root = json_load_file(path, 0, &error);
	const json_t *chains = json_object_get(root, "true_chains");
	const json_t *others = json_object_get(root, "background_sessions");
	bool is_read;

	*ret = (struct truth){0};
	if (root == NULL || !json_is_array(chains)) {
		snprintf(reterr, TRUTH_REASON_MAX, "%s: %s", path,
		         root == NULL ? error.text : "no true_chains in it");
		json_decref(root);
		return false;
	}
	ret->views = must_alloc(views_in(chains) + views_in(others), sizeof(*ret->views));
	ret->names =
		must_alloc(json_array_size(chains) + json_array_size(others), sizeof(*ret->names));
	is_read = read_sessions(chains, ret);
	ret->chain_count = ret->session_count;
	is_read = is_read && read_sessions(others, ret);
	read_gateways(json_object_get(root, "gateways"), ret);
	json_decref(root);
	if (!is_read) {
		truth_free(ret);
		snprintf(reterr, TRUTH_REASON_MAX, "%s: a view without addresses", path);
	}
	return is_read;
}

void truth_free(struct truth *t)
{
	free(t->views);
	free(t->names);
	free(t->gateways);
	*t = (struct truth){0};
}

const struct truth_view *truth_find(const struct truth *t, const char *gateway,
                                    const struct endpoint *a, const struct endpoint *b,
                                    uint8_t proto)
{
	for (size_t i = 0; i < t->view_count; i++) {
		const struct truth_view *v = &t->views[i];

		if (v->proto == proto && strcmp(v->gateway, gateway) == 0 &&
		    ((endpoint_equal(&v->src, a) && endpoint_equal(&v->dst, b)) ||
		     (endpoint_equal(&v->src, b) && endpoint_equal(&v->dst, a))))
			return v;
	}
	return NULL;
}
