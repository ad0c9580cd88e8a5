/*
 * evtx: an event log, or one chunk of one, through the reader and, for those kinds of
 * events it understands, through what they mean.
 */
#include <stdlib.h>

#include "evidence/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct bh_span s)
{
	/* Every byte of a text that is told must be there. */
	volatile uint8_t sum = 0;

	for (size_t i = 0; i < s.len; i++)
		sum = (uint8_t)(sum + s.ptr[i]);
}

static bool want(void *ctx, struct bh_span provider, uint32_t id)
{
	unsigned *n = ctx;

	check(provider);
	(void)id;
	++*n;
	return true;
}

static void event(void *ctx, const struct bh_event *e)
{
	(void)ctx;
	check(e->provider);
	check(e->channel);
	check(e->computer);
	if (e->n_values > BH_EVENT_VALUES)
		abort();
	for (size_t i = 0; i < e->n_values; i++) {
		check(e->values[i].name);
		check(e->values[i].text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bh_evtx *x;
	struct bh_span s = bh_span_of(data, size);
	struct bh_evtx_told told = { 0 };
	unsigned n = 0;
	const struct bh_event_sink sink = { .ctx = &n, .want = want, .event = event };

	if (!x && bh_evtx_new(&x))
		abort();
	if (bh_evtx_is(s) && size > BH_EVTX_FIRST)
		s = bh_span_of(data + BH_EVTX_FIRST, size - BH_EVTX_FIRST);
	int r = bh_evtx_chunk(x, s, &sink, &told);
	if (!r && (told.records > n || told.records + told.unreadable < n))
		abort();
	return 0;
}
