/* What the sensor says of a file: a process that nobody trusts. */
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/read.h"
#include "cli/said.h"

static bool wants_progress(const struct bh_cli *cli)
{
	return !cli->quiet && isatty(STDERR_FILENO);
}

/* Of the file, as far as one can tell: gzipped ones turn out to be longer. */
static uint64_t seen_of(const struct bh_told *t)
{
	return t->tally.bytes + 16 * t->tally.packets; /* pcap's record headers */
}

void bh_read_how_far(const struct bh_told *t, struct bh_buf *b)
{
	uint64_t seen = seen_of(t);

	if (t->size && seen <= t->size)
		bh_buf_printf(b, "%u %%", (unsigned)((double)seen * 100 / (double)t->size));
	else if (t->tally.packets)
		bh_said_count(t->tally.packets, "packet", "packets", b);
	else
		bh_said_count(t->tally.records, "record", "records", b);
}

static void show_progress(struct bh_told *t)
{
	enum { WIDTH = 30 };
	bh_time now = bh_said_now();
	uint64_t seen = seen_of(t);

	if (now - t->began < BH_SECOND || now - t->shown < BH_SECOND / 5)
		return;
	t->shown = now;
	if (!t->size || seen > t->size) {
		fprintf(stderr, "\r%s: %llu packets\033[K", t->name,
			(unsigned long long)t->tally.packets);
		return;
	}
	int full = (int)(seen * WIDTH / t->size);
	fprintf(stderr, "\r%s [%.*s%*s] %3d %%\033[K", t->name, full,
		"##############################", WIDTH - full, "", (int)(seen * 100 / t->size));
}

static void end_progress(const struct bh_told *t)
{
	if (t->shown)
		fprintf(stderr, "\r\033[K");
}

/* A whole file's problem counts for more than a record's. */
static void keep_problem(struct bh_told *t, const struct bh_fact *f)
{
	if (t->problem && (!t->record || f->problem.record))
		return;
	t->problem = true;
	t->record = f->problem.record;
	t->offset = f->problem.offset;
	memcpy(t->text, f->problem.text, sizeof t->text);
}

/* One record of a process that is not trusted: 1 to go on, 0 at the file's end, -errno. */
static int listen_once(const struct bh_cli *cli, struct bh_sensor_child *c, struct bh_told *t,
	uint32_t source, struct bh_inventory *inv)
{
	struct bh_fact f;
	int r = bh_sensor_read(c, &f);

	if (r <= 0)
		return r ? r : -EPIPE;
	r = bh_inventory_fold(inv, source, &f); /* checks it, too */
	if (!r)
		r = bh_heard_fact(t->heard, &f);
	if (r)
		return r;
	switch (f.kind) {
	case BH_FACT_TALLY:
		t->tally = f.tally;
		if (wants_progress(cli))
			show_progress(t);
		return 1;
	case BH_FACT_PROBLEM: keep_problem(t, &f); return 1;
	case BH_FACT_END: return 0;
	default: return 1;
	}
}

/* What whoever says and keeps it has need of. */
static int keep_counts(struct bh_told *t)
{
	const struct bh_event_count *kinds = bh_heard_kinds(t->heard, &t->n_kinds);

	t->tally.evicted += bh_heard_lost(t->heard);
	t->kinds = calloc(t->n_kinds + 1, sizeof *t->kinds);
	if (!t->kinds)
		return -ENOMEM;
	memcpy(t->kinds, kinds, t->n_kinds * sizeof *kinds);
	return 0;
}

static int listen_to_file(const struct bh_cli *cli, struct bh_sensor_child *c, struct bh_told *t,
	uint32_t source, struct bh_inventory *inv)
{
	uint64_t seed = 0;
	int r;

	t->began = bh_said_now();
	if (getrandom(&seed, sizeof seed, 0) < 0)
		seed = (uint64_t)t->began;
	t->heard = bh_heard_new(seed);
	if (!t->heard)
		return -ENOMEM;
	while ((r = listen_once(cli, c, t, source, inv)) > 0)
		;
	end_progress(t);
	return r ? r : keep_counts(t);
}

static int start(const struct bh_read *q, struct bh_lot *lot, struct bh_sensor_child *c)
{
	int files[BH_SENSOR_FILES];
	bh_time modified[BH_SENSOR_FILES];
	const struct bh_sensor_job job = { .files = files,
		.n_files = lot->n,
		.log = q->log,
		.modified = modified,
		.zeek = lot->n > 1,
		.nflog = -1 };

	for (size_t i = 0; i < lot->n; i++) {
		files[i] = lot->v[i].fd;
		modified[i] = lot->v[i].modified;
		lot->v[i].fd = -1;
	}
	int r = bh_sensor_start(&job, c);
	return r ? bh_cli_fail(q->cli, BH_EXIT_SYSTEM, "cannot start the sensor process: %s",
			   strerrordesc_np(-r))
		 : 0;
}

/* After ^C the sensor tells what it has, as if the files ended there. */
int bh_read_listen(const struct bh_read *q, struct bh_lot *lot, struct bh_inventory *inv)
{
	struct bh_sensor_child c;
	const char *why = NULL;
	size_t i = 0;
	int r = start(q, lot, &c);

	if (r)
		return r;
	bh_read_stop_also(c.stop);
	for (; !r && i < lot->n; i++)
		r = listen_to_file(q->cli, &c, &lot->v[i], (uint32_t)i, inv);
	bh_read_stop_also(-1);
	int end = bh_sensor_end(&c, &why);
	for (size_t k = 0; k < lot->n; k++)
		lot->v[k].part = bh_read_stopped();
	lot->v[0].lost = bh_inventory_lost(inv);
	if (r == -EBADMSG)
		why = "the sensor process said what cannot be";
	else if (r == -ENOMEM)
		why = "out of memory";
	else if (!r && !end)
		return 0;
	return bh_cli_fail(q->cli, BH_EXIT_SYSTEM, "cannot read %s: %s; nothing of it is kept",
		lot->v[i ? i - 1 : 0].name, why ? why : "the sensor process fell silent");
}
