#include "sensor/reading.h"

#include <sys/random.h>

static int saw(void *ctx, const struct bh_observation *o)
{
	const struct reading *r = ctx;

	return observed_add(r->seen, o);
}

static int name(void *ctx, const struct bh_name_seen *n)
{
	const struct reading *r = ctx;

	return observed_name(r->seen, n);
}

static int share(void *ctx, const struct bh_share_seen *s)
{
	const struct reading *r = ctx;

	tell_share(r->s, s);
	return r->s->error;
}

static int events(void *ctx, const struct bh_event_count *e)
{
	const struct reading *r = ctx;

	tell_events(r->s, e);
	return r->s->error;
}

static int problem(void *ctx, uint64_t offset, const char *text)
{
	const struct reading *r = ctx;

	tell_problem(r->s, offset, text, true);
	return r->s->error;
}

const struct bh_log_sink reading_sink = { saw, name, share, events, problem };

int bh_sensor_log_check(const struct bh_sensor_log *how)
{
	struct bh_audit_prefix prefix;

	return how->prefix ? bh_audit_prefix_parse(how->prefix, &prefix) : 0;
}

/* How a log is read, from what whoever asks for it knows. */
static int options(
	const struct bh_sensor_log *how, struct bh_audit_prefix *prefix, struct bh_log_options *ret)
{
	struct bh_log_options o = { 0 };

	if (getrandom(&o.seed, sizeof o.seed, GRND_NONBLOCK) != sizeof o.seed)
		o.seed = (uintptr_t)ret;
	if (how) {
		o.modified = how->modified;
		o.east = how->east;
		o.server_name = how->server_name;
		o.zeek = how->zeek;
		if (how->prefix) {
			int r = bh_audit_prefix_parse(how->prefix, prefix);
			if (r)
				return r;
			o.prefix = prefix;
		}
	}
	*ret = o;
	return 0;
}

int reading_begin(struct reading *r, struct bh_sensor *s, enum bh_log_kind kind,
	const struct bh_sensor_log *how)
{
	struct bh_log_options o;

	*r = (struct reading){ .s = s };
	int e = options(how, &r->prefix, &o);
	if (!e)
		e = observed_new(s->sink, s->ctx, &r->seen);
	return e ? e : bh_log_new(kind, &o, &reading_sink, r, &r->log);
}

void reading_end(struct reading *r)
{
	r->log = bh_log_free(r->log);
	r->seen = observed_free(r->seen);
}

void reading_count(struct reading *r)
{
	struct bh_log_counts n = bh_log_counted(r->log);

	r->s->tally.records = n.records;
	r->s->tally.unreadable = n.unreadable;
}
