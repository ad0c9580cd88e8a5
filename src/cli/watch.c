#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/db.h"
#include "cli/keeping.h"
#include "cli/live.h"
#include "cli/privileged.h"
#include "cli/said.h"
#include "cli/stream.h"
#include "inventory/inventory.h"
#include "sandbox/sandbox.h"
#include "json/json.h"

#define ROUND_SECONDS    2
#define TALLY_SECONDS    30 /* how often the counts alone are worth a write */
#define WRITER_WAIT      1000 /* ms; then the next round tries again */
#define LAST_WRITER_WAIT 10000
#define FORGET_SECONDS   3600
#define RING_MIB         64 /* of packets that wait for us, all interfaces together … */
#define LEAST_RING_MIB   4 /* … but for each at least */
#define BUSY_SECONDS     10 /* for so long another writer is not worth a word */
#define RETRY_SECONDS    15
#define LOSSES_SECONDS   60 /* between two words about what was lost */
#define LOOK_COST        20 /* looking at the counters takes at most 1/20 of our time */
#define LOOK_FOR_LOGS    2000 /* ms: how often names of logs are looked for */

enum { OPT_INTERFACE = 1, OPT_READY, OPT_RETAIN, OPT_HIDE };

static const struct bh_option options[] = {
	{ "interface", 'i', "IFACE", "watch this interface (repeatable; default: all but lo)",
		OPT_INTERFACE },
	{ "ready-fd", 0, "N", "write a line to this descriptor once watching has begun",
		OPT_READY },
	BH_STREAM_OPTIONS,
	BH_KEEPING_OPTIONS(OPT_RETAIN, OPT_HIDE),
	{ 0 },
};

struct watch {
	struct bh_cli *cli;
	struct bh_priv *priv;
	struct bh_store *store;
	struct bh_inventory *inv;
	struct bh_lines *lines;
	const char *key; /* of pseudonyms, as given; NULL: none */
	struct bh_pseudonyms *pseudonyms;
	uint32_t retain; /* days; 0: for ever */
	struct bh_stream streams[BH_STREAMS]; /* interfaces first; numbers of the inventory */
	uint64_t seed;
	size_t n_streams;
	uint32_t now; /* number of the stream at hand */
	struct bh_stream_logs logs;
	struct bh_sensor_ring rings[BH_SENSOR_RINGS];
	size_t n_rings;
	int nflog;
	int signals;
	int ready; /* --ready-fd, or -1 */
	struct bh_tally tally; /* of all streams */
	struct bh_reckoning audit;
	bh_time tally_saved, look_again, forget_again;
	uint64_t drops_said, lost_said;
	bh_time losses_said;
	size_t rows; /* of this run, as saved */
	int save_error; /* of the last attempt; 0: all is kept */
	int error_said; /* to the user, as not over yet */
	bh_time failing_since, retry;
	size_t retry_wait; /* seconds */
	uint64_t lost_before; /* rows, when writing began to fail */
};

/* ---- what to watch ---- */

static bool has_ring(const struct watch *w, const char *ifname)
{
	for (size_t i = 0; i < w->n_rings; i++) {
		if (!strcmp(w->rings[i].ifname, ifname))
			return true;
	}
	return false;
}

static int name_interface(struct watch *w, const char *ifname)
{
	struct bh_sensor_ring *r = &w->rings[w->n_rings];

	if (!*ifname || strlen(ifname) >= sizeof r->ifname)
		return bh_cli_usage(w->cli, "'%s' is no interface's name", ifname);
	if (has_ring(w, ifname))
		return 0;
	if (w->n_rings == BH_SENSOR_RINGS)
		return bh_cli_usage(
			w->cli, "at most %u interfaces can be watched at once", BH_SENSOR_RINGS);
	strcpy(r->ifname, ifname);
	r->fd = -1;
	w->n_rings++;
	return 0;
}

static int parse(struct watch *w)
{
	struct bh_cli *cli = w->cli;
	int r = 0;
	char *end;

	w->ready = -1;
	for (int id; !r && (id = bh_cli_next(cli)) >= 0;) {
		switch (id) {
		case OPT_INTERFACE: r = name_interface(w, cli->value); break;
		case OPT_READY:
			w->ready = (int)strtol(cli->value, &end, 10);
			if (*end || w->ready < 0 || end == cli->value)
				r = bh_cli_usage(cli, "--ready-fd is a descriptor's number");
			break;
		case OPT_RETAIN: r = bh_cli_retain_days(cli, &w->retain); break;
		case OPT_HIDE: w->key = cli->value; break;
		default:
			r = id ? bh_stream_take(cli, &w->logs, id)
			       : bh_cli_usage(cli,
					 "an interface is named by -i ('-i %s'), a log by "
					 "--samba-audit",
					 cli->value);
			break;
		}
	}
	return r;
}

static int default_interfaces(struct watch *w)
{
	struct ifaddrs *all;
	int r = 0;

	if (getifaddrs(&all))
		return bh_cli_fail(
			w->cli, BH_EXIT_SYSTEM, "cannot list the interfaces: %s", strerror(errno));
	for (struct ifaddrs *i = all; !r && i; i = i->ifa_next) {
		if (!(i->ifa_flags & IFF_UP) || i->ifa_flags & IFF_LOOPBACK ||
			has_ring(w, i->ifa_name))
			continue;
		if (w->n_rings < BH_SENSOR_RINGS)
			r = name_interface(w, i->ifa_name);
		else
			fprintf(stderr, "bulkhead watch: %s is not watched: %u are the most\n",
				i->ifa_name, BH_SENSOR_RINGS);
	}
	freeifaddrs(all);
	if (!r && !w->n_rings)
		return bh_cli_fail(
			w->cli, BH_EXIT_SYSTEM, "no interface but lo is up here; name one with -i");
	return r;
}

/* Those that cannot be opened are said, and left out. */
static int open_rings(struct watch *w)
{
	size_t n = 0, each = bh_max_size(RING_MIB / w->n_rings, LEAST_RING_MIB);
	const char *why = "";

	for (size_t i = 0; i < w->n_rings; i++) {
		struct bh_priv_ring p;
		int r = bh_priv_capture(w->priv, w->rings[i].ifname, (uint32_t)each, &p, &why);
		if (r) {
			bh_cli_fail(w->cli, BH_EXIT_SYSTEM, "%s is not watched: %s",
				w->rings[i].ifname, why);
			continue;
		}
		struct bh_sensor_ring *to = &w->rings[n++];
		if (to != &w->rings[i])
			memcpy(to->ifname, w->rings[i].ifname, sizeof to->ifname);
		to->fd = p.fd;
		to->block_size = p.block_size;
		to->block_count = p.block_count;
		to->link = p.link;
	}
	w->n_rings = n;
	return n ? 0 : BH_EXIT_SYSTEM;
}

static void open_log(struct watch *w)
{
	const char *why = "";

	w->nflog = -1;
	if (bh_priv_nflog(w->priv, &w->nflog, &why))
		bh_cli_fail(w->cli, 0, "audit events are not seen: %s", why);
}

/* ---- the counters ---- */

/* Costs a dump of our table: done where it matters, and rarely when it is large. */
static void look(struct watch *w, bool begin, bool now_or_never)
{
	struct bh_priv_state s;
	const char *why = "";
	bh_time before = bh_said_now();

	if (!now_or_never && before < w->look_again)
		return;
	if (bh_priv_state(w->priv, &s, &why) == 0)
		bh_reckon(&w->audit, &s, begin);
	bh_time after = bh_said_now();
	w->look_again = after + (after - before) * LOOK_COST;
}

/* ---- into the database, and onto the screen ---- */

static int save_row(void *ctx, const struct bh_row *row)
{
	const struct watch *w = ctx;

	return bh_store_put(w->store, w->streams[w->now].source, row, 1);
}

static int print_row(void *ctx, const struct bh_row *row)
{
	struct watch *w = ctx;
	struct bh_row shown = *row;
	struct bh_conversation hidden;

	/* A terminal is kept, too, in journals and in scripts' files. */
	if (w->pseudonyms) {
		bh_talk_whole(&row->who, &hidden);
		bh_pseudonyms_hide(w->pseudonyms, &hidden);
		shown.who = bh_talk_of(&hidden);
	}
	bh_lines_row(w->lines, &shown, w->streams[w->now].from);
	return 0;
}

static int count_row(void *ctx, const struct bh_row *row BH_UNUSED)
{
	++*(size_t *)ctx;
	return 0;
}

static int save_stream(struct watch *w, uint32_t number)
{
	struct bh_stream *s = &w->streams[number];

	w->now = number;
	int r = bh_store_source(w->store, s->identity, s->label, false, &s->source);
	if (!r)
		r = bh_inventory_changes(w->inv, number, save_row, w);
	if (!r)
		r = bh_heard_save(s->heard, w->store, s->source);
	return r ? r : bh_store_tally(w->store, s->source, &s->tally);
}

static int save(struct watch *w, unsigned wait_ms)
{
	int r = bh_store_begin(w->store, wait_ms);

	if (r)
		return r;
	for (uint32_t i = 0; !r && i < w->n_streams; i++)
		r = save_stream(w, i);
	if (!r)
		r = bh_store_commit(w->store);
	if (r)
		bh_store_abandon(w->store);
	return r;
}

/* Said once for each reason; a short wait for another writer is none. */
static void say_unsaved(struct watch *w, int r, bool last)
{
	bh_time now = bh_said_now();

	if (!w->save_error) {
		w->failing_since = now;
		w->lost_before = bh_inventory_lost(w->inv).rows;
	}
	if (last)
		bh_cli_fail(w->cli, 0,
			"the database cannot be written: %s; what was seen last is not kept",
			bh_cli_db_reason(r));
	else if (r != w->error_said &&
		 (r != -EBUSY || now - w->failing_since >= BUSY_SECONDS * BH_SECOND)) {
		bh_cli_fail(w->cli, 0,
			"the database cannot be written: %s; watching goes on, and it is tried again",
			bh_cli_db_reason(r));
		w->error_said = r;
	}
}

static void say_saved_again(struct watch *w)
{
	uint64_t lost = bh_inventory_lost(w->inv).rows - w->lost_before;

	if (lost)
		bh_cli_fail(w->cli, 0,
			"the database is written again; %llu conversations that were seen "
			"meanwhile are lost, because there was no room to remember them",
			(unsigned long long)lost);
	else
		bh_cli_fail(w->cli, 0,
			"the database is written again, and has all that was seen meanwhile");
	w->error_said = 0;
}

/* Rows wait in memory for as long as they cannot be written; the more they are, the more it
 * costs to try. */
static void saved_or_not(struct watch *w, int r, bool last)
{
	bh_time now = bh_said_now();

	if (r) {
		say_unsaved(w, r, last);
		w->retry_wait = bh_min_size(w->retry_wait * 2 + ROUND_SECONDS, RETRY_SECONDS);
		w->retry = now + (bh_time)w->retry_wait * BH_SECOND;
	} else {
		w->tally_saved = now;
		for (uint32_t i = 0; i < w->n_streams; i++) {
			bh_inventory_saved(w->inv, i);
			bh_heard_saved(w->streams[i].heard);
		}
		w->retry = 0;
		w->retry_wait = 0;
		if (w->error_said)
			say_saved_again(w);
	}
	w->save_error = r;
}

static void try_save(struct watch *w, bool last)
{
	size_t changed = 0;
	bh_time now = bh_said_now();

	int r = 0;
	for (uint32_t i = 0; !r && i < w->n_streams; i++)
		r = bh_inventory_changes(w->inv, i, count_row, &changed);
	for (uint32_t i = 0; i < w->n_streams; i++)
		changed += bh_heard_news(w->streams[i].heard);
	if (r || (!changed && !last && now - w->tally_saved < TALLY_SECONDS * BH_SECOND))
		return;
	if (now < w->retry && !last)
		return;
	/* While we wait nobody reads what the sensor says. */
	saved_or_not(w, save(w, last ? LAST_WRITER_WAIT : w->save_error ? 0 : WRITER_WAIT), last);
}

/* Also what was seen by others: the database is kept for so long, whoever wrote it. */
static void forget_old(struct watch *w)
{
	uint64_t n;
	bh_time now = bh_said_now();

	if (!w->retain || now < w->forget_again)
		return;
	/* Somebody else is writing, or the disk is full: then the next time. */
	if (!bh_cli_forget(w->store, w->retain, WRITER_WAIT, &n))
		w->forget_again = now + FORGET_SECONDS * BH_SECOND;
}

static void say_losses(struct watch *w)
{
	const struct bh_tally *t = &w->tally;
	bh_time now = bh_said_now();

	if (now - w->losses_said < LOSSES_SECONDS * BH_SECOND)
		return;
	if (t->kernel_drops > w->drops_said || t->log_lost > w->lost_said)
		w->losses_said = now;
	if (t->kernel_drops > w->drops_said) {
		bh_cli_fail(w->cli, 0,
			"the kernel dropped %llu packets so far: more came than could be read",
			(unsigned long long)t->kernel_drops);
		w->drops_said = t->kernel_drops;
	}
	if (t->log_lost > w->lost_said) {
		bh_cli_fail(w->cli, 0,
			"the audit log overran %llu times so far; the rules' counters still count",
			(unsigned long long)t->log_lost);
		w->lost_said = t->log_lost;
	}
}

/* A process has told everything up to now. */
static void end_round(struct watch *w, bool last)
{
	int r = 0;

	w->tally = (struct bh_tally){ 0 };
	for (size_t i = 0; i < w->n_streams; i++)
		bh_tally_add(&w->tally, &w->streams[i].tally);
	if (w->priv && (w->audit.logged != w->tally.log_events || last)) {
		w->audit.logged = w->tally.log_events;
		look(w, false, last);
	}
	/* Printed from the same changes as saved, before they count as saved. */
	for (w->now = 0; !r && w->now < w->n_streams; w->now++)
		r = bh_inventory_changes(w->inv, w->now, print_row, w);
	if (!r)
		bh_lines_round(w->lines, last);
	try_save(w, last);
	if (!w->save_error)
		forget_old(w);
	say_losses(w);
}

/* ---- listening ---- */

/* 1 to go on, 0 at the end of the stream, -errno. */
static int listen_once(struct watch *w, uint32_t number, bool stopping)
{
	struct bh_stream *s = &w->streams[number];
	struct bh_fact f;
	int r = bh_sensor_read(&s->child, &f);

	if (r <= 0)
		return r ? r : -EPIPE;
	r = bh_inventory_fold(w->inv, number, &f);
	if (!r)
		r = bh_heard_fact(s->heard, &f);
	if (r)
		return r;
	switch (f.kind) {
	case BH_FACT_TALLY:
		s->tally = f.tally;
		s->tally.evicted += bh_heard_lost(s->heard);
		if (!stopping)
			end_round(w, false);
		return 1;
	case BH_FACT_PROBLEM:
		bh_cli_fail(w->cli, 0, "%s%s%s", s->from ? s->from : "", s->from ? ": " : "",
			f.problem.text);
		return 1;
	case BH_FACT_END: return 0;
	default: return 1;
	}
}

struct waiting {
	struct pollfd p[1 + BH_STREAMS * BH_STREAM_FDS];
	size_t n;
	size_t at[BH_STREAMS]; /* where a stream's own begin: its process first */
	bool stopping;
	bh_time looked; /* for logs by their names */
};

static void gather(const struct watch *w, struct waiting *x)
{
	x->p[0] = (struct pollfd){ .fd = x->stopping ? -1 : w->signals, .events = POLLIN };
	x->n = 1;
	for (size_t i = 0; i < w->n_streams; i++) {
		const struct bh_stream *s = &w->streams[i];
		x->at[i] = x->n;
		x->p[x->n++] =
			(struct pollfd){ .fd = s->ended ? -1 : s->child.facts, .events = POLLIN };
		if (!s->ended)
			x->n += bh_stream_poll(s, &x->p[x->n]);
	}
}

static void stop(struct watch *w, struct waiting *x)
{
	struct signalfd_siginfo info;

	(void)!read(w->signals, &info, sizeof info);
	x->stopping = true;
	for (size_t i = 0; i < w->n_streams; i++) {
		struct bh_stream *s = &w->streams[i];
		if (!s->from)
			bh_sensor_stop(&s->child);
		else if (!s->follow)
			bh_stream_close(s); /* journalctl ends, and with it what it says */
	}
}

/* Whose process has nothing to read any more, though nobody asked it to end. */
static void say_ended(const struct watch *w, struct bh_stream *s)
{
	bh_cli_fail(w->cli, 0, "%s is not followed any more: journalctl ended", s->from);
	bh_stream_close(s);
}

/* All that it has told so far, and first what it is still to be told. */
static int attend(struct watch *w, uint32_t number, struct waiting *x, bool look)
{
	struct bh_stream *s = &w->streams[number];
	int r = bh_stream_feed(w->cli, s, look, x->stopping);
	bool told = x->p[x->at[number]].revents;

	while (!r && (told || bh_sensor_ready(&s->child))) {
		told = false;
		r = listen_once(w, number, x->stopping);
		s->ended = !r;
		if (!r)
			break;
		r = r > 0 ? 0 : r;
	}
	if (s->ended && !x->stopping)
		say_ended(w, s);
	return r;
}

static bool all_ended(const struct watch *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_streams; i++)
		n += w->streams[i].ended;
	return n == w->n_streams;
}

/* 0, -errno; -ENODATA when nobody says anything any more. */
static int listen_until_told(struct watch *w)
{
	struct waiting x = { .n = 0 };
	int r = 0;

	while (!r && !all_ended(w)) {
		gather(w, &x);
		if (poll(x.p, x.n, w->logs.n ? LOOK_FOR_LOGS : -1) < 0 && errno != EINTR)
			return -errno;
		if (x.p[0].revents)
			stop(w, &x);
		bh_time now = bh_said_now();
		bool due = now - x.looked >= LOOK_FOR_LOGS * (BH_SECOND / 1000) || now < x.looked;
		if (due)
			x.looked = now;
		for (uint32_t i = 0; !r && i < w->n_streams; i++) {
			if (!w->streams[i].ended)
				r = attend(w, i, &x, due || x.stopping);
		}
	}
	return r ? r : x.stopping ? 0 : -ENODATA;
}

static void begun(struct watch *w)
{
	BH_AUTO_BUF b = { 0 };

	for (size_t i = 0; i < w->n_rings; i++)
		bh_buf_printf(&b, "%s%s", i ? ", " : "", w->rings[i].ifname);
	for (size_t i = 0; i < w->n_streams; i++) {
		if (w->streams[i].from)
			bh_buf_printf(&b, "%s%s", b.len ? ", " : "", w->streams[i].from);
	}
	if (!w->cli->quiet)
		fprintf(stderr, "watching %s; ^C ends\n", bh_buf_text(&b));
	if (w->ready >= 0) {
		(void)!write(w->ready, "watching\n", 9);
		close(w->ready);
	}
}

/* ---- the end ---- */

static json_t *end_json(const struct watch *w)
{
	json_t *o = json_object(), *audit = json_null();

	if (w->audit.seen || w->audit.logged) {
		audit = json_object();
		json_object_set_new(
			audit, "counted", json_integer((json_int_t)bh_reckoned(&w->audit)));
		json_object_set_new(audit, "logged", json_integer((json_int_t)w->audit.logged));
	}
	json_object_set_new(o, "end", json_true());
	json_object_set_new(o, "conversations", json_integer((json_int_t)w->rows));
	json_object_set_new(o, "kept", json_boolean(!w->save_error));
	json_object_set_new(o, "tally", bh_json_tally(&w->tally));
	json_object_set_new(o, "audit", audit);
	return o;
}

static void say_end(const struct watch *w)
{
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF missed = { 0 };
	struct bh_inventory_lost lost = bh_inventory_lost(w->inv);

	if (w->n_rings) {
		bh_said_count(w->tally.packets, "packet", "packets", &b);
		bh_buf_str(&b, ", ");
		bh_said_count(w->tally.messages, "SMB message", "SMB messages", &b);
		bh_buf_str(&b, ", ");
	}
	if (w->n_streams > 1 || !w->n_rings) {
		bh_said_count(w->tally.records, "record", "records", &b);
		bh_buf_str(&b, ", ");
	}
	bh_said_count(w->rows, "conversation", "conversations", &b);
	bh_said_not_followed(&w->tally, &missed);
	if (missed.len)
		bh_buf_printf(&b, "\nnot followed: %s", bh_buf_text(&missed));
	if (lost.rows || lost.leaves)
		bh_buf_printf(&b,
			"\ntoo much to remember: %llu conversations were given up, and %llu "
			"connections are no longer told apart",
			(unsigned long long)lost.rows, (unsigned long long)lost.leaves);
	if (w->audit.seen || w->audit.logged) {
		bh_buf_str(&b, "\n");
		bh_reckoning_format(&w->audit, &b);
	}
	fflush(stdout);
	fprintf(stderr, "%s\n", bh_buf_text(&b));
}

static int end_all(struct watch *w, const char **why)
{
	int end = 0;

	for (size_t i = 0; i < w->n_streams; i++) {
		struct bh_stream *s = &w->streams[i];
		const char *reason = NULL;
		bh_stream_close(s);
		int r = s->child.pid > 0 ? bh_sensor_end(&s->child, &reason) : 0;
		if (r && !end)
			*why = reason;
		end = end ? end : r;
	}
	return end;
}

static int finish(struct watch *w, int r)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_row *rows;
	const char *why = NULL;
	int end = end_all(w, &why);

	end_round(w, true);
	if (bh_inventory_rows(w->inv, &a, &rows, &w->rows))
		w->rows = 0;
	if (w->cli->json) {
		json_t *o = end_json(w);
		json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
		putchar('\n');
		json_decref(o);
	} else if (!w->cli->quiet) {
		say_end(w);
	}
	if (r == -EBADMSG)
		why = "the sensor process said what cannot be";
	else if (r == -ENOMEM)
		why = "out of memory";
	else if (r == -ENODATA)
		why = "there is nothing left to follow";
	else if (r && !why)
		why = strerrordesc_np(-r);
	if (r || end)
		return bh_cli_fail(w->cli, BH_EXIT_SYSTEM, "watching ended: %s", why);
	int flushed = bh_cli_flush(w->cli);
	return w->save_error ? BH_EXIT_SYSTEM : flushed;
}

/* ---- the command ---- */

/* ^C and SIGTERM arrive as something to read; the child is forked with them blocked, and
 * ends when we say so. */
static int take_signals(struct watch *w)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) ||
		(w->signals = signalfd(-1, &set, SFD_CLOEXEC)) < 0)
		return bh_cli_fail(w->cli, BH_EXIT_SYSTEM, "%s", strerror(errno));
	return 0;
}

static void name_source(const struct watch *w, struct bh_stream *s)
{
	BH_AUTO_BUF names = { 0 };
	BH_AUTO_BUF when = { 0 };
	char host[65] = "";

	gethostname(host, sizeof host - 1);
	for (size_t i = 0; i < w->n_rings; i++)
		bh_buf_printf(&names, "%s%s", i ? "," : "", w->rings[i].ifname);
	bh_time_format(bh_said_now(), &when);
	snprintf(s->identity, sizeof s->identity, "live:%s:%.64s:%s:%d", host, bh_buf_text(&names),
		bh_buf_text(&when), (int)getpid());
	snprintf(s->label, sizeof s->label, "watch %.64s on %s since %.19sZ", bh_buf_text(&names),
		host, bh_buf_text(&when));
}

/* Interfaces need bulkhead-priv; logs alone need no more than to be readable. */
static int prepare_interfaces(struct watch *w)
{
	int r = bh_cli_priv(w->cli, &w->priv);

	if (!r && !w->n_rings)
		r = default_interfaces(w);
	return r ? r : open_rings(w);
}

static int give_up_power(struct watch *w)
{
	int r = geteuid() ? 0 : bh_sandbox_enter(BH_ROLE_CLI);

	return r ? bh_cli_fail(w->cli, BH_EXIT_SYSTEM, "cannot give up root's privileges: %s",
			   strerror(-r))
		 : 0;
}

static int prepare(struct watch *w)
{
	bool only_logs = !w->n_rings && (w->logs.n || w->logs.journal);
	int r = only_logs ? give_up_power(w) : prepare_interfaces(w);

	if (!r)
		r = bh_cli_db_write(w->cli, &w->store, NULL);
	if (!r)
		r = bh_cli_hide(w->cli, w->store, w->key, &w->pseudonyms);
	if (!r)
		r = take_signals(w);
	if (r)
		return r;
	w->nflog = -1;
	if (w->priv) {
		open_log(w);
		look(w, true, true);
	}
	if (getrandom(&w->seed, sizeof w->seed, 0) < 0)
		w->seed = (uint64_t)bh_said_now();
	w->inv = bh_inventory_new(w->seed);
	w->lines = bh_lines_new(w->cli->json);
	return w->inv && w->lines ? 0 : bh_cli_fail(w->cli, BH_EXIT_SYSTEM, "out of memory");
}

static int start_interfaces(struct watch *w)
{
	const struct bh_sensor_job job = { .rings = w->rings,
		.n_rings = w->n_rings,
		.nflog = w->nflog,
		.flush_seconds = ROUND_SECONDS };
	struct bh_stream *s = &w->streams[0];

	*s = (struct bh_stream){ .to = -1 };
	int r = bh_sensor_start(&job, &s->child);
	if (r)
		return bh_cli_fail(w->cli, BH_EXIT_SYSTEM, "cannot start the sensor process: %s",
			strerror(-r));
	name_source(w, s);
	w->n_streams = 1;
	return 0;
}

static int watch(struct watch *w)
{
	size_t n = 0;
	int r = w->priv ? start_interfaces(w) : 0;

	if (!r) {
		r = bh_stream_begin(w->cli, &w->logs, &w->streams[w->n_streams], &n);
		w->n_streams += n;
	}
	for (size_t i = 0; !r && i < w->n_streams; i++) {
		w->streams[i].heard = bh_heard_new(w->seed);
		if (!w->streams[i].heard)
			r = bh_cli_fail(w->cli, BH_EXIT_SYSTEM, "out of memory");
	}
	if (r) {
		(void)end_all(w, &(const char *){ NULL });
		return r;
	}
	begun(w);
	return finish(w, listen_until_told(w));
}

static int run(struct bh_cli *cli)
{
	static struct watch w;
	w.cli = cli;
	int r = parse(&w);

	if (!r)
		r = prepare(&w);
	if (!r)
		r = watch(&w);
	bh_lines_free(w.lines);
	for (size_t i = 0; i < w.n_streams; i++)
		bh_heard_free(w.streams[i].heard);
	bh_inventory_free(w.inv);
	bh_store_free(w.store);
	bh_pseudonyms_free(w.pseudonyms);
	bh_priv_free(w.priv);
	return r;
}

const struct bh_command bh_cmd_watch = {
	.name = "watch",
	.args = "[-i IFACE]… [--samba-audit FILE]… [options]",
	.summary = "watch live SMB traffic, and what audit rules would block",
	.about =
		"Prints one line per new conversation and keeps all of them in the database, until\n"
		"^C or SIGTERM.  Interfaces need root: bulkhead-priv opens them, and the process that\n"
		"reads packets has no privilege at all.  Where a log is named and no interface, the\n"
		"log alone is followed, and no root is needed.  --json prints one object a line.",
	.options = options,
	.run = run,
};
