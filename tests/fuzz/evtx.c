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

/* What is told of it may cross to the next process. */
static void check_meaning(const struct bh_event *e)
{
	struct bh_fact leaf = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_LEAF };
	struct bh_fact name = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_NAME };
	static struct bh_logons *logons;
	struct bh_observation o;

	if (!logons && bh_logons_new(445, &logons))
		abort();
	bh_logons_note(logons, e);
	if (!bh_evidence_windows(e, &o)) {
		bh_logons_join(logons, e, &o);
		leaf.leaf_is.who = o.who;
		if (!bh_fact_sane(&leaf))
			abort();
	}
	if (!bh_evidence_windows_name(e, &name.name) && name.name.when >= 0) {
		name.name.when = 0; /* any time can be told of a record */
		if (!bh_fact_sane(&name))
			abort();
	}
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
	check_meaning(e);
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
