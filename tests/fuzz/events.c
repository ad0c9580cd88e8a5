/*
 * events: a stream of events as XML, fed in pieces.  The first byte of an input is how
 * long they are; 0: all at once.
 */
#include <stdlib.h>

#include "evidence/evidence.h"
#include "model/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct bh_span s)
{
	volatile uint8_t sum = 0;

	for (size_t i = 0; i < s.len; i++)
		sum = (uint8_t)(sum + s.ptr[i]);
}

static bool want(void *ctx, struct bh_span provider, uint32_t id)
{
	(void)ctx, (void)id;
	check(provider);
	return true;
}

static void event(void *ctx, const struct bh_event *e)
{
	struct bh_fact leaf = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_LEAF };
	struct bh_fact share = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_SHARE };
	struct bh_observation o;
	unsigned *events = ctx;

	++*events;
	check(e->channel);
	check(e->computer);
	if (e->n_values > BH_EVENT_VALUES)
		abort();
	for (size_t i = 0; i < e->n_values; i++) {
		check(e->values[i].name);
		check(e->values[i].text);
	}
	if (!bh_evidence_windows(e, &o)) {
		leaf.leaf_is.who = o.who;
		if (!bh_fact_sane(&leaf))
			abort();
	}
	/* The text is made sane where it comes in; whether it names anything is asked later. */
	if (!bh_evidence_windows_share(e, &share.share) && bh_share_name(share.share.share)[0]) {
		share.share.when = 0; /* any time can be told of a record */
		if (!bh_fact_sane(&share))
			abort();
	}
}

static struct bh_xml_told feed(struct bh_span s, size_t step, unsigned *events)
{
	const struct bh_event_sink sink = { .ctx = events, .want = want, .event = event };
	struct bh_cur c = bh_cur_of(s);
	BH_AUTO(bh_xml) x = NULL;

	if (bh_xml_new(445, &x))
		abort();
	while (bh_cur_left(&c)) {
		size_t n = step ? bh_min_size(step, bh_cur_left(&c)) : bh_cur_left(&c);
		bh_xml_feed(x, bh_cur_take(&c, n), &sink);
	}
	return bh_xml_end(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned events = 0, same = 0;

	if (!size)
		return 0;
	struct bh_xml_told whole = feed(bh_span_of(data + 1, size - 1), 0, &events);
	struct bh_xml_told parts = feed(bh_span_of(data + 1, size - 1), data[0], &same);
	if (whole.records != events || events != same || whole.unreadable != parts.unreadable)
		abort();
	return 0;
}
