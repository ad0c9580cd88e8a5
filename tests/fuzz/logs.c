/*
 * logs: any log but EVTX through the one door.  Byte 0 of an input is the kind, byte 1 how
 * long the pieces are it is fed in (0: all at once), byte 2 the options.  What is told is
 * sane, and the same however the log is cut.
 */
#include <stdlib.h>

#include "evidence/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
	uint64_t digest, observations, problems;
};

static void mix(struct told *t, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		t->digest = (t->digest ^ b[i]) * 0x100000001b3u;
}

static int saw(void *ctx, const struct bh_observation *o)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_LEAF };
	struct told *t = ctx;

	f.leaf_is.who = o->who;
	f.leaf_is.figures.first_seen = f.leaf_is.figures.last_seen = o->when;
	assert(bh_fact_sane(&f));
	assert(o->pipes < UINT32_MAX);
	uint64_t h = bh_conversation_hash(&o->who, 445);
	mix(t, &h, sizeof h);
	mix(t, &o->when, sizeof o->when);
	mix(t, &o->connections, sizeof o->connections);
	mix(t, &o->opens, sizeof o->opens);
	mix(t, &o->pipes, sizeof o->pipes);
	t->observations++;
	return 0;
}

static int name(void *ctx, const struct bh_name_seen *n)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_NAME, .name = *n };

	assert(bh_fact_sane(&f));
	mix(ctx, n->name, strlen(n->name));
	return 0;
}

static int events(void *ctx, const struct bh_event_count *e)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_EVENTS, .events = *e };

	assert(bh_fact_sane(&f));
	mix(ctx, e->provider, strlen(e->provider));
	mix(ctx, &e->count, sizeof e->count);
	return 0;
}

static int share(void *ctx, const struct bh_share_seen *s)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_SHARE, .share = *s };

	assert(bh_fact_sane(&f));
	mix(ctx, s->share, strlen(s->share));
	mix(ctx, s->remark, strlen(s->remark));
	return 0;
}

static int problem(void *ctx, uint64_t offset, const char *text)
{
	struct told *t = ctx;

	assert(text[0] && strlen(text) < BH_PROBLEM_TEXT);
	mix(t, &offset, sizeof offset);
	t->problems++;
	return 0;
}

static struct told read_log(enum bh_log_kind kind, struct bh_span s, size_t step, uint8_t flags)
{
	static const struct bh_log_sink sink = {
		.saw = saw,
		.name = name,
		.share = share,
		.events = events,
		.problem = problem,
	};
	struct told t = { .digest = 0xcbf29ce484222325u };
	struct bh_cur c = bh_cur_of(s);
	struct bh_audit_prefix prefix;
	struct bh_log_options o = { .seed = 445, .sessions = flags & 2 ? 3 : 64 };
	struct bh_log *l = NULL;

	if (bh_audit_prefix_parse(flags & 8 ? "%u;%D|%I: %m|%R|%S" : "%u|%I|%m|%S", &prefix))
		abort();
	o.prefix = flags & 1 ? &prefix : NULL;
	o.modified = flags & 4 ? (bh_time)1769860800 * BH_SECOND : 0;
	o.east = flags & 16 ? 7200 : 0;
	int r = bh_log_new(kind, &o, &sink, &t, &l);
	while (!r && bh_cur_left(&c))
		r = bh_log_feed(l, bh_cur_take(&c, step ? bh_min_size(step, bh_cur_left(&c))
							: bh_cur_left(&c)));
	if (!r)
		r = bh_log_end(l);
	if (r)
		abort();
	struct bh_log_counts counts = bh_log_counted(l);
	mix(&t, &counts.records, sizeof counts.records);
	mix(&t, &counts.unreadable, sizeof counts.unreadable);
	assert(t.problems <= counts.unreadable);
	bh_log_free(l);
	return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	enum bh_log_kind kind = BH_LOG_XML + data[0] % (BH_LOG_KINDS - BH_LOG_XML);
	struct bh_span s = bh_span_of(data + 3, size - 3);
	(void)bh_log_sniff(s);
	(void)bh_zeek_order(s);
	struct told whole = read_log(kind, s, 0, data[2]);
	struct told pieces = read_log(kind, s, data[1] ? data[1] : 1, data[2]);
	assert(whole.digest == pieces.digest && whole.observations == pieces.observations);
	return 0;
}
