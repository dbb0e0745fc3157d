#include "proto/flow/sampling.h"

#include "base/util.h"

/* 0: it says nothing of it. */
static uint32_t interval_of(const struct values *v)
{
	uint64_t ret = v->interval;

	if (v->has_interval && v->space != 0) /* in a row, and then so many are passed over */
		ret = ((uint64_t)v->interval + v->space) / MAX(v->interval, 1);
	else if (!v->has_interval && v->sample_size != 0)
		ret = v->sample_population / v->sample_size;
	return (uint32_t)MIN(ret, UINT32_MAX);
}

static const struct stream_sampler *find(const struct stream *s, bool is_interface, uint32_t id)
{
	for (size_t i = 0; i < ARRAY_LEN(s->samplers) && s->samplers[i].interval != 0; i++) {
		const struct stream_sampler *row = &s->samplers[i];

		if (row->id == id && row->is_interface == is_interface)
			return row;
	}
	return NULL;
}

static bool is_full(const struct stream *s)
{
	return s->samplers[ARRAY_LEN(s->samplers) - 1].interval != 0;
}

static void set(struct stream *s, bool is_interface, uint32_t id, uint32_t interval)
{
	const struct stream_sampler *known = find(s, is_interface, id);
	size_t at = 0;

	if (known != NULL)
		at = (size_t)(known - s->samplers);
	else
		while (at < ARRAY_LEN(s->samplers) && s->samplers[at].interval != 0)
			at++;
	if (at == ARRAY_LEN(s->samplers) || (known != NULL && known->interval == interval))
		return;
	s->samplers[at] = (struct stream_sampler){id, interval, is_interface};
	s->is_options_new = true;
}

void sampling_learn(struct sampler_table *t, struct stream *s, const struct values *v)
{
	uint32_t interval = interval_of(v);

	if (interval == 0)
		return;
	if (v->has_sampler) {
		set(s, false, v->sampler, interval);
		samplers_learn(t, s, v->sampler, interval);
	} else if (v->in_if != 0 || v->out_if != 0) {
		set(s, true, v->in_if != 0 ? v->in_if : v->out_if, interval);
	} else {
		s->is_options_new |= s->sampling != interval;
		s->sampling = interval;
	}
}

/* A sampler of 0 is none, unless the domain itself tells of it. */
static uint32_t told_of_sampler(const struct sampler_table *t, const struct stream *s, uint32_t id)
{
	const struct stream_sampler *row = find(s, false, id);

	if (row != NULL)
		return row->interval;
	return id != 0 ? samplers_find(t, s, id) : 0;
}

/* Where an interface of its own has a row, packets were looked at there. */
static uint32_t told_of_interface(const struct stream *s, const struct values *v)
{
	const struct stream_sampler *row = find(s, true, v->in_if);

	if (row == NULL)
		row = find(s, true, v->out_if);
	return row != NULL ? row->interval : 0;
}

uint32_t sampling_of(const struct sampler_table *t, const struct stream *s, const struct values *v,
                     uint64_t *unknown)
{
	uint32_t interval = 0;

	if (v->has_interval || v->sample_size != 0)
		interval = interval_of(v);
	if (interval == 0 && v->has_sampler)
		interval = told_of_sampler(t, s, v->sampler);
	if (interval == 0 && s->samplers[0].interval != 0)
		interval = told_of_interface(s, v);
	if (interval == 0)
		interval = s->sampling;
	if (interval != 0)
		return interval;
	*unknown += (v->has_sampler && v->sampler != 0) || is_full(s); /* 0: not sampled */
	return 1;
}
