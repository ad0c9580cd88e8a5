#include "sensor/pipe.h"

#include <stdlib.h>
#include <unistd.h>

#include "sensor/sensor.h"

/* ---- out ---- */

static int write_all(int fd, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n) {
		ssize_t did = write(fd, at, n);
		if (did < 0 && errno != EINTR)
			return -errno;
		if (did > 0) {
			at += did;
			n -= (size_t)did;
		}
	}
	return 0;
}

int facts_write(struct facts_out *o, const struct bh_fact *f)
{
	bool awaited =
		f->kind == BH_FACT_TALLY || f->kind == BH_FACT_PROBLEM || f->kind == BH_FACT_END;

	o->waiting[o->n++] = *f;
	if (o->n < FACTS_AT_ONCE && !awaited)
		return 0;
	size_t n = o->n;
	o->n = 0;
	return write_all(o->fd, o->waiting, n * sizeof *f);
}

/* ---- in ---- */

struct bh_sensor_facts {
	size_t at, end; /* bytes that were read, and not looked at */
	struct bh_fact in[FACTS_AT_ONCE];
};

/* 1, 0 at the end, -errno. */
static int read_some(int fd, struct bh_sensor_facts *w)
{
	if (w->at) {
		memmove(w->in, (const char *)w->in + w->at, w->end - w->at);
		w->end -= w->at;
		w->at = 0;
	}
	for (;;) {
		ssize_t n = read(fd, (char *)w->in + w->end, sizeof w->in - w->end);
		if (n >= 0) {
			w->end += (size_t)n;
			return n > 0;
		}
		if (errno != EINTR)
			return -errno;
	}
}

bool bh_sensor_ready(const struct bh_sensor_child *c)
{
	return c->waiting && c->waiting->end - c->waiting->at >= sizeof(struct bh_fact);
}

int bh_sensor_read(struct bh_sensor_child *c, struct bh_fact *ret)
{
	if (!c->waiting)
		c->waiting = calloc(1, sizeof *c->waiting);
	if (!c->waiting)
		return -ENOMEM;
	while (!bh_sensor_ready(c)) {
		int r = read_some(c->facts, c->waiting);
		if (r < 0)
			return r;
		if (!r)
			return c->waiting->end ? -EPIPE : 0;
	}
	memcpy(ret, (const char *)c->waiting->in + c->waiting->at, sizeof *ret);
	c->waiting->at += sizeof *ret;
	return 1;
}
