/*
 * A whole file, whatever it is: its content decides.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>

#include "evidence/evidence.h"
#include "sensor/observed.h"
#include "sensor/state.h"

/* Between one tally and the next, for whoever shows how far we are. */
#define PROGRESS_PACKETS 65536
#define PROGRESS_BYTES   (16u << 20)
#define PIECE            (256u * 1024)

/* ---- until somebody has enough ---- */

void bh_sensor_until(struct bh_sensor *s, int fd)
{
	s->until = fd;
}

static bool enough(const struct bh_sensor *s)
{
	struct pollfd p = { .fd = s->until, .events = POLLIN };

	return s->until >= 0 && poll(&p, 1, 0) > 0;
}

/* ---- captures ---- */

static int packets(struct bh_sensor *s, struct bh_capture *c)
{
	struct bh_packet p = { 0 };
	int r;

	while ((r = bh_capture_next(c, &p)) == 1) {
		int e = bh_sensor_packet(s, p.link, p.when, p.bytes, p.original);
		if (e)
			return e;
		if (s->tally.packets % PROGRESS_PACKETS)
			continue;
		tell_tally(s);
		if (enough(s))
			return s->error;
	}
	return r;
}

/* ---- logs ---- */

struct reading {
	struct bh_sensor *s;
	struct observed *seen;
};

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

static const struct bh_log_sink sink = { saw, name, events, problem };

static void count(struct bh_sensor *s, const struct bh_log *l)
{
	struct bh_log_counts n = bh_log_counted(l);

	s->tally.records = n.records;
	s->tally.unreadable = n.unreadable;
}

static int feed(struct bh_sensor *s, struct bh_capture *c, struct bh_log *l)
{
	struct bh_span piece = { 0 };
	uint64_t told = 0;
	int r;

	while (!(r = bh_capture_look(c, PIECE, &piece)) && piece.len) {
		size_t n = piece.len;
		r = bh_log_feed(l, piece);
		if (!r)
			r = bh_capture_skip(c, n);
		if (r)
			return r;
		s->tally.bytes += n;
		if (s->tally.bytes - told >= PROGRESS_BYTES) {
			told = s->tally.bytes;
			count(s, l);
			tell_tally(s);
			if (enough(s))
				return s->error;
		}
	}
	return r;
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

static int records(struct bh_sensor *s, struct bh_capture *c, enum bh_log_kind kind,
	const struct bh_sensor_log *how)
{
	struct bh_audit_prefix prefix;
	struct bh_log_options o;
	struct reading reading = { .s = s };
	BH_AUTO(observed) seen = NULL;
	BH_AUTO(bh_log) l = NULL;
	int r = options(how, &prefix, &o);

	if (!r)
		r = observed_new(s->sink, s->ctx, &seen);
	reading.seen = seen;
	if (!r)
		r = bh_log_new(kind, &o, &sink, &reading, &l);
	if (r)
		return r;
	int broken = feed(s, c, l);
	if (broken && broken != -EBADMSG)
		return broken;
	r = bh_log_end(l);
	if (!r && how && how->zeek && how->last)
		r = bh_zeek_end(how->zeek, &sink, &reading);
	count(s, l);
	if (!r)
		r = observed_tell(seen, true);
	if (!r && broken)
		tell_problem(
			s, s->tally.bytes, "the compressed data breaks off or is damaged", false);
	return r ? r : s->error;
}

int bh_sensor_file(struct bh_sensor *s, int fd, const struct bh_sensor_log *how)
{
	BH_AUTO(bh_capture) c = NULL;
	struct bh_span first = { 0 };
	uint64_t offset;
	int r = enough(s) ? 0 : bh_capture_open(fd, &c);

	if (r || !c)
		return r;
	if (!bh_capture_is(c)) {
		r = bh_capture_look(c, BH_LOG_SNIFF, &first);
		if (r && r != -EBADMSG)
			return r;
		enum bh_log_kind kind = r ? BH_LOG_NONE : bh_log_sniff(first);
		if (kind)
			return records(s, c, kind, how);
		const char *text = bh_capture_problem(c, &offset);
		tell_problem(s, offset,
			r || !first.len ? text
					: "this is neither a capture nor a log that is known",
			false);
		return s->error;
	}
	r = packets(s, c);
	if (r == -EBADMSG) {
		const char *text = bh_capture_problem(c, &offset);
		tell_problem(s, offset, text, false);
		return s->error;
	}
	return r;
}
