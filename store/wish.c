#include "store/wish.h"

static bool is_between(const struct whom *w, const struct flow *f)
{
	bool is_same = addr_equal(&f->src, &w->a) && addr_equal(&f->dst, &w->b) &&
	               f->src_port == w->a_port && f->dst_port == w->b_port;
	bool is_reverse = addr_equal(&f->src, &w->b) && addr_equal(&f->dst, &w->a) &&
	                  f->src_port == w->b_port && f->dst_port == w->a_port;

	return f->proto == w->proto && (is_same || is_reverse);
}

static bool is_of(const struct whom *w, const struct flow *f)
{
	return w->is_connection ? is_between(w, f)
	                        : addr_equal(&f->src, &w->a) || addr_equal(&f->dst, &w->a);
}

bool wish_is_of(const struct wish *w, const struct flow *f)
{
	bool any = false;

	for (size_t i = 0; i < w->whom_count && !any; i++)
		any = is_of(&w->whom[i], f);
	return any;
}
