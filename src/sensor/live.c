/* Rings, block by block, until somebody closes the stop descriptor. */
#include <linux/if_packet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sensor/live.h"
#include "sensor/pipe.h"

#define LOG_DATAGRAM (128u * 1024)

/* net/packet/af_packet.c: records of TPACKET_V3 lie at multiples of this. */
#define V3_ALIGNMENT 8u

struct ring {
	const struct bh_sensor_ring *job;
	uint8_t *map;
	size_t next; /* block */
	enum { UP, WENT, DOWN, GONE } state; /* WENT: down or away, and not told yet */
};

struct live {
	const struct bh_sensor_job *job;
	struct bh_sensor *core;
	struct live_log *log;
	struct ring rings[BH_SENSOR_RINGS];
	uint8_t *datagram;
	uint64_t drops;
	bh_time flushed;
	struct facts_out *facts;
};

/* The core's own count, and beside it what only we know. */
static int sink(void *ctx, const struct bh_fact *f)
{
	struct live *l = ctx;
	struct bh_fact more;

	if (f->kind != BH_FACT_TALLY)
		return facts_write(l->facts, f);
	more = *f;
	more.tally.kernel_drops += l->drops;
	live_log_tally(l->log, &more.tally);
	return facts_write(l->facts, &more);
}

static int problem(struct live *l, const char *ifname, const char *text)
{
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_PROBLEM };

	snprintf(
		f.problem.text, sizeof f.problem.text, "%s%s%s", ifname, *ifname ? ": " : "", text);
	return facts_write(l->facts, &f);
}

static bh_time now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * BH_SECOND + t.tv_nsec;
}

/* ---- one ring ---- */

static int walk_block(struct live *l, struct ring *r, const struct tpacket_block_desc *b)
{
	size_t size = r->job->block_size, at = b->hdr.bh1.offset_to_first_pkt;

	for (uint32_t i = 0; i < b->hdr.bh1.num_pkts; i++) {
		if (at > size - sizeof(struct tpacket3_hdr) || at % V3_ALIGNMENT)
			return -EPROTO;
		const struct tpacket3_hdr *h = (const void *)(const char *)__builtin_assume_aligned(
			(const char *)b + at, V3_ALIGNMENT);
		if (h->tp_mac > size - at || h->tp_snaplen > size - at - h->tp_mac)
			return -EPROTO;
		bh_time when = (bh_time)h->tp_sec * BH_SECOND + h->tp_nsec;
		int e = bh_sensor_packet(l->core, r->job->link, when,
			bh_span_of((const uint8_t *)h + h->tp_mac, h->tp_snaplen), h->tp_len);
		if (e)
			return e;
		if (!h->tp_next_offset && i + 1 < b->hdr.bh1.num_pkts)
			return -EPROTO;
		at += h->tp_next_offset;
	}
	return 0;
}

static int walk_ring(struct live *l, struct ring *r)
{
	/* At most one round, so that a flood on one interface leaves the others a turn. */
	for (size_t i = 0; i < r->job->block_count; i++) {
		struct tpacket_block_desc *b = (void *)(r->map + r->next * r->job->block_size);
		uint32_t status = __atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE);
		if (!(status & TP_STATUS_USER))
			return 0;
		int e = walk_block(l, r, b);
		if (e)
			return e;
		r->state = UP;
		__atomic_store_n(&b->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		r->next = (r->next + 1) % r->job->block_count;
	}
	return 0;
}

static void count_drops(struct live *l)
{
	for (size_t i = 0; i < l->job->n_rings; i++) {
		struct tpacket_stats_v3 s = { 0 };
		socklen_t len = sizeof s;
		if (getsockopt(l->rings[i].job->fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) == 0)
			l->drops += s.tp_drops;
	}
}

static int ring_error(struct live *l, struct ring *r)
{
	int error = 0;
	socklen_t len = sizeof error;
	char text[BH_PROBLEM_TEXT];

	getsockopt(r->job->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (!error)
		return 0;
	if (error == ENETDOWN) {
		if (r->state == UP)
			r->state = WENT;
		return 0;
	}
	snprintf(text, sizeof text, "the capture failed: %s", strerrordesc_np(error));
	return problem(l, r->job->ifname, text);
}

/* Of an interface that is no more the socket forgets which it was. */
static bool is_gone(const struct ring *r)
{
	struct sockaddr_ll at = { 0 };
	socklen_t len = sizeof at;

	return getsockname(r->job->fd, (struct sockaddr *)&at, &len) == 0 && at.sll_ifindex <= 0;
}

/* The interface went down, and the socket sees it when it comes up again; or away, for
 * good.  Which of the two is known a moment later. */
static int tell_state(struct live *l, struct ring *r)
{
	if (r->state != WENT && r->state != DOWN)
		return 0;
	if (is_gone(r)) {
		r->state = GONE;
		return problem(l, r->job->ifname,
			"the interface is gone; if it comes back, watch must be started again to see it");
	}
	if (r->state == DOWN)
		return 0;
	r->state = DOWN;
	return problem(l, r->job->ifname,
		"the interface went down; what passes once it is up again will be seen");
}

/* ---- the audit log ---- */

static int read_log(struct live *l)
{
	/* As for a ring: a bounded number, then the others have their turn. */
	for (unsigned i = 0; i < 256; i++) {
		ssize_t n = recv(l->job->nflog, l->datagram, LOG_DATAGRAM, MSG_DONTWAIT);
		if (n < 0 && errno == ENOBUFS) {
			live_log_overrun(l->log);
			continue;
		}
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		live_log_datagram(l->log, bh_span_of(l->datagram, (size_t)n), now());
	}
	return 0;
}

/* ---- together ---- */

static int flush(struct live *l, bool last)
{
	count_drops(l);
	int r = live_log_tell(l->log, sink, l);
	for (size_t i = 0; !r && i < l->job->n_rings; i++)
		r = tell_state(l, &l->rings[i]);
	l->flushed = now();
	if (r)
		return r;
	return last ? bh_sensor_finish(l->core) : bh_sensor_flush(l->core, l->flushed);
}

static int drain(struct live *l)
{
	int r = 0;

	for (size_t i = 0; !r && i < l->job->n_rings; i++)
		r = walk_ring(l, &l->rings[i]);
	if (!r && l->job->nflog >= 0)
		r = read_log(l);
	return r;
}

static int wait_ms(const struct live *l)
{
	bh_time period = (l->job->flush_seconds ? l->job->flush_seconds : 1) * BH_SECOND;
	bh_time left = l->flushed + period - now();

	if (left <= 0 || left > period) /* due, or the clock was set */
		return 0;
	return (int)(left / 1000000) + 1;
}

/* One round: 1 to go on, 0 when asked to stop, -errno. */
static int round_once(struct live *l, struct pollfd *p, nfds_t n)
{
	int wait = wait_ms(l);

	if (poll(p, n, wait) < 0 && errno != EINTR)
		return -errno;
	if (p[0].revents)
		return 0;
	for (size_t i = 0; i < l->job->n_rings; i++) {
		int r = p[i + 1].revents & (POLLERR | POLLHUP) ? ring_error(l, &l->rings[i]) : 0;
		if (r)
			return r;
	}
	int r = drain(l);
	if (!r && !wait_ms(l))
		r = flush(l, false);
	return r ? r : 1;
}

static int run(struct live *l, int stop)
{
	struct pollfd p[BH_SENSOR_RINGS + 2] = { { .fd = stop, .events = POLLIN } };
	nfds_t n = 1;
	int r;

	for (size_t i = 0; i < l->job->n_rings; i++)
		p[n++] = (struct pollfd){ .fd = l->rings[i].job->fd, .events = POLLIN };
	if (l->job->nflog >= 0)
		p[n++] = (struct pollfd){ .fd = l->job->nflog, .events = POLLIN };
	l->flushed = now();
	while ((r = round_once(l, p, n)) > 0)
		;
	if (r)
		return r;
	/* A block that is not full is handed over when its time is up. */
	const struct timespec block_timeout = { .tv_nsec = 100 * 1000 * 1000 };
	nanosleep(&block_timeout, NULL);
	r = drain(l);
	return r ? r : flush(l, true);
}

static int map_rings(struct live *l)
{
	for (size_t i = 0; i < l->job->n_rings; i++) {
		struct ring *r = &l->rings[i];
		r->job = &l->job->rings[i];
		void *p = mmap(NULL, r->job->block_size * r->job->block_count,
			PROT_READ | PROT_WRITE, MAP_SHARED, r->job->fd, 0);
		if (p == MAP_FAILED)
			return -errno;
		r->map = p;
	}
	return 0;
}

int live_run(const struct bh_sensor_job *job, int stop, struct facts_out *facts)
{
	static struct live l; /* the process does this once, and ends */
	static uint8_t datagram[LOG_DATAGRAM];

	l.job = job;
	l.facts = facts;
	l.datagram = datagram;
	int r = map_rings(&l);
	if (!r)
		r = live_log_new(&l.log);
	if (!r)
		r = bh_sensor_new(NULL, sink, &l, &l.core);
	if (!r)
		r = run(&l, stop);
	bh_sensor_free(l.core);
	live_log_free(l.log);
	return r;
}
