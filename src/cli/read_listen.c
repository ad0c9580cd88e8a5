/* What the sensor says of a file: a process that nobody trusts. */
#include <stdlib.h>
#include <unistd.h>

#include "cli/read.h"
#include "cli/said.h"

#define MAX_KINDS 1024 /* of a log's records; the sensor tells 512 at most */

static bool wants_progress(const struct bh_cli *cli)
{
	return !cli->quiet && isatty(STDERR_FILENO);
}

static void show_progress(struct bh_told *t)
{
	enum { WIDTH = 30 };
	bh_time now = bh_said_now();
	uint64_t seen = t->tally.bytes + 16 * t->tally.packets; /* pcap's record headers */

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

/* Told again, a count replaces. */
static int keep_kind(struct bh_told *t, const struct bh_event_count *e)
{
	size_t i = 0;

	while (i < t->n_kinds && (t->kinds[i].id != e->id || t->kinds[i].read != e->read ||
					 strcmp(t->kinds[i].provider, e->provider) != 0))
		i++;
	if (i == MAX_KINDS)
		return -EBADMSG;
	if (i == t->n_kinds) {
		if (!t->kinds)
			t->kinds = calloc(MAX_KINDS, sizeof *t->kinds);
		if (!t->kinds)
			return -ENOMEM;
		t->n_kinds++;
	}
	t->kinds[i] = *e;
	return 0;
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

/* One record of a process that is not trusted: 1 to go on, 0 at its end, -errno. */
static int listen_once(const struct bh_cli *cli, struct bh_sensor_child *c, struct bh_told *t,
	struct bh_inventory *inv)
{
	struct bh_fact f;
	int r = bh_sensor_read(c, &f);

	if (r <= 0)
		return r ? r : -EPIPE;
	r = bh_inventory_fold(inv, 0, &f); /* checks it, too */
	if (r)
		return r;
	switch (f.kind) {
	case BH_FACT_TALLY:
		t->tally = f.tally;
		if (wants_progress(cli))
			show_progress(t);
		return 1;
	case BH_FACT_PROBLEM: keep_problem(t, &f); return 1;
	case BH_FACT_EVENTS: r = keep_kind(t, &f.events); return r ? r : 1;
	case BH_FACT_END: return 0;
	default: return 1;
	}
}

int bh_read_listen(const struct bh_cli *cli, int fd, struct bh_told *t,
	const struct bh_sensor_log *how, struct bh_inventory *inv)
{
	const struct bh_sensor_job job = {
		.files = &fd, .n_files = 1, .log = *how, .modified = &t->modified, .nflog = -1
	};
	struct bh_sensor_child c;
	const char *why = NULL;
	int r = bh_sensor_start(&job, &c);

	if (r)
		return bh_cli_fail(
			cli, BH_EXIT_SYSTEM, "cannot start the sensor process: %s", strerror(-r));
	t->began = bh_said_now();
	while ((r = listen_once(cli, &c, t, inv)) > 0)
		;
	end_progress(t);
	int end = bh_sensor_end(&c, &why);
	if (r == -EBADMSG)
		why = "the sensor process said what cannot be";
	else if (r == -ENOMEM)
		why = "out of memory";
	else if (!r && !end)
		return 0;
	return bh_cli_fail(cli, BH_EXIT_SYSTEM, "cannot read %s: %s; nothing of it is kept",
		t->name, why ? why : "the sensor process fell silent");
}
