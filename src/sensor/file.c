/*
 * A whole file, whatever it is: its content decides.
 */
#include <poll.h>

#include "sensor/reading.h"

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

static int feed(struct reading *r, struct bh_capture *c)
{
	struct bh_tally *t = &r->s->tally;
	struct bh_span piece = { 0 };
	uint64_t told = 0;
	int e;

	while (!(e = bh_capture_look(c, PIECE, &piece)) && piece.len) {
		size_t n = piece.len;
		e = bh_log_feed(r->log, piece);
		if (!e)
			e = bh_capture_skip(c, n);
		if (e)
			return e;
		t->bytes += n;
		if (t->bytes - told >= PROGRESS_BYTES) {
			told = t->bytes;
			reading_count(r);
			tell_tally(r->s);
			if (enough(r->s))
				return r->s->error;
		}
	}
	return e;
}

static int told(struct reading *r, struct bh_capture *c, const struct bh_sensor_log *how)
{
	int broken = feed(r, c);

	if (broken && broken != -EBADMSG)
		return broken;
	int e = bh_log_end(r->log);
	if (!e && how && how->zeek && how->last)
		e = bh_zeek_end(how->zeek, &reading_sink, r);
	reading_count(r);
	if (!e)
		e = observed_tell(r->seen, true);
	if (!e && broken)
		tell_problem(r->s, r->s->tally.bytes,
			"the compressed data breaks off or is damaged", false);
	return e ? e : r->s->error;
}

static int records(struct bh_sensor *s, struct bh_capture *c, enum bh_log_kind kind,
	const struct bh_sensor_log *how)
{
	struct reading r;
	int e = reading_begin(&r, s, kind, how);

	if (!e)
		e = told(&r, c, how);
	reading_end(&r);
	return e;
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
