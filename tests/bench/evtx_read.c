/*
 * evtx_read: an event log through the reader and what its events mean, as `bulkhead read`
 * does in its sensor; prints how many events it held and how many observations they gave.
 */
#include <stdio.h>
#include <stdlib.h>

#include "evidence/evidence.h"

struct counts {
	unsigned long events, observations, pipes;
	struct bh_logons *logons;
};

static bool want(void *ctx, struct bh_span provider, uint32_t id)
{
	((struct counts *)ctx)->events++;
	return bh_evidence_windows_reads(provider, id);
}

static void event(void *ctx, const struct bh_event *e)
{
	struct counts *c = ctx;
	struct bh_observation o;

	bh_logons_note(c->logons, e);
	if (bh_evidence_windows(e, &o))
		return;
	bh_logons_join(c->logons, e, &o);
	c->observations++;
	c->pipes += o.pipes != 0;
}

int main(int argc, char **argv)
{
	static uint8_t block[BH_EVTX_CHUNK];
	struct counts c = { 0 };
	const struct bh_event_sink sink = { .ctx = &c, .want = want, .event = event };
	BH_AUTO(bh_evtx) x = NULL;
	unsigned long unreadable = 0;
	size_t n;

	FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
	if (!f || bh_evtx_new(&x) || bh_logons_new(445, &c.logons)) {
		fprintf(stderr, "usage: evtx_read FILE\n");
		return 1;
	}
	setvbuf(f, NULL, _IONBF, 0);
	fseek(f, BH_EVTX_FIRST, SEEK_SET);
	while ((n = fread(block, 1, sizeof block, f))) {
		struct bh_evtx_told t = { 0 };
		int r = bh_evtx_chunk(x, bh_span_of(block, n), &sink, &t);
		unreadable += r && r != -ENOMSG ? 1 : t.unreadable;
	}
	fclose(f);
	bh_logons_free(c.logons);
	printf("%lu events, %lu observations, %lu pipes, %lu unreadable\n", c.events,
		c.observations, c.pipes, unreadable);
	return 0;
}
