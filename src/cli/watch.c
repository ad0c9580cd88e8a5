#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/privileged.h"
#include "cli/said.h"
#include "cli/watch.h"
#include "sandbox/sandbox.h"

#define RING_MIB       64 /* of packets that wait for us, all interfaces together … */
#define LEAST_RING_MIB 4 /* … but for each at least */

enum { OPT_INTERFACE = 1, OPT_READY, OPT_RETAIN, OPT_HIDE, OPT_RULES, OPT_HEAL, OPT_ALERTS };

static const struct bh_option options[] = {
	{ "interface", 'i', "IFACE", "watch this interface (repeatable; default: all but lo)",
		OPT_INTERFACE },
	{ "rules", 0, NULL, "watch the rules alone, no traffic", OPT_RULES },
	{ "heal", 0, NULL, "put our table right when somebody edits it", OPT_HEAL },
	{ "alerts", 0, NULL, "tell the system's log what needs somebody's eye", OPT_ALERTS },
	{ "ready-fd", 0, "N", "write a line to this descriptor once watching has begun",
		OPT_READY },
	BH_STREAM_OPTIONS,
	BH_KEEPING_OPTIONS(OPT_RETAIN, OPT_HIDE),
	{ 0 },
};

/* ---- what to watch ---- */

static bool has_ring(const struct bh_watch *w, const char *ifname)
{
	for (size_t i = 0; i < w->n_rings; i++) {
		if (!strcmp(w->rings[i].ifname, ifname))
			return true;
	}
	return false;
}

static int name_interface(struct bh_watch *w, const char *ifname)
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

static int parse(struct bh_watch *w)
{
	struct bh_cli *cli = w->cli;
	int r = 0;
	char *end;

	w->ready = -1;
	for (int id; !r && (id = bh_cli_next(cli)) >= 0;) {
		switch (id) {
		case OPT_INTERFACE: r = name_interface(w, cli->value); break;
		case OPT_RULES: w->rules_only = true; break;
		case OPT_HEAL: w->heal = true; break;
		case OPT_ALERTS: w->alert = true; break;
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
	if (!r && w->rules_only && (w->n_rings || w->logs.n || w->logs.journal))
		r = bh_cli_usage(cli, "--rules watches nothing else: leave out -i and logs");
	return r;
}

static int default_interfaces(struct bh_watch *w)
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
static int open_rings(struct bh_watch *w)
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

static void open_log(struct bh_watch *w)
{
	const char *why = "";

	w->nflog = -1;
	if (bh_priv_nflog(w->priv, &w->nflog, &why))
		bh_cli_fail(w->cli, 0, "audit events are not seen: %s", why);
}

static void begun(struct bh_watch *w, const char *what)
{
	if (!w->cli->quiet)
		fprintf(stderr, "watching %s; ^C ends\n", what);
	if (w->ready >= 0) {
		(void)!write(w->ready, "watching\n", 9);
		close(w->ready);
	}
}

/* ---- the command ---- */

/* ^C and SIGTERM arrive as something to read; the child is forked with them blocked, and
 * ends when we say so. */
static int take_signals(struct bh_watch *w)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) ||
		(w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
		return bh_cli_fail(w->cli, BH_EXIT_SYSTEM, "%s", strerror(errno));
	return 0;
}

static void name_source(const struct bh_watch *w, struct bh_stream *s)
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
static int prepare_interfaces(struct bh_watch *w)
{
	int r = bh_cli_priv(w->cli, &w->priv);

	if (!r && !w->n_rings)
		r = default_interfaces(w);
	return r ? r : open_rings(w);
}

static int give_up_power(struct bh_watch *w)
{
	int r = geteuid() ? 0 : bh_sandbox_enter(BH_ROLE_CLI);

	return r ? bh_cli_fail(w->cli, BH_EXIT_SYSTEM, "cannot give up root's privileges: %s",
			   strerror(-r))
		 : 0;
}

static int prepare(struct bh_watch *w)
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
		bh_watch_look(w, true, true);
		/* What cannot be watched is said; the traffic still is. */
		(void)!bh_rules_open(w->cli, w->priv, w->heal, w->alerts, &w->rules);
	}
	if (w->alerts && !(w->firsts = bh_firsts_new(w->store, w->alerts)))
		return bh_cli_fail(w->cli, BH_EXIT_SYSTEM, "out of memory");
	if (getrandom(&w->seed, sizeof w->seed, 0) < 0)
		w->seed = (uint64_t)bh_said_now();
	w->inv = bh_inventory_new(w->seed);
	w->lines = bh_lines_new(w->cli->json);
	return w->inv && w->lines ? 0 : bh_cli_fail(w->cli, BH_EXIT_SYSTEM, "out of memory");
}

static int start_interfaces(struct bh_watch *w)
{
	const struct bh_sensor_job job = { .rings = w->rings,
		.n_rings = w->n_rings,
		.nflog = w->nflog,
		.flush_seconds = BH_WATCH_ROUND };
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

static int watch(struct bh_watch *w)
{
	BH_AUTO_BUF b = { 0 };
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
		(void)bh_watch_end(w, &(const char *){ NULL });
		return r;
	}
	for (size_t i = 0; i < w->n_rings; i++)
		bh_buf_printf(&b, "%s%s", i ? ", " : "", w->rings[i].ifname);
	for (size_t i = 0; i < w->n_streams; i++) {
		if (w->streams[i].from)
			bh_buf_printf(&b, "%s%s", b.len ? ", " : "", w->streams[i].from);
	}
	begun(w, bh_buf_text(&b));
	return bh_watch_finish(w, bh_watch_listen(w));
}

/* The rules alone: no sensor, no database. */
static int watch_rules(struct bh_watch *w)
{
	BH_AUTO_BUF b = { 0 };
	struct signalfd_siginfo info;
	int r = bh_cli_priv(w->cli, &w->priv);

	if (!r)
		r = take_signals(w);
	if (!r)
		r = bh_rules_open(w->cli, w->priv, w->heal, w->alerts, &w->rules);
	if (r)
		return r;
	bh_rules_format(w->rules, &b);
	begun(w, bh_buf_text(&b));
	struct pollfd p[2] = { { .fd = bh_rules_fd(w->rules), .events = POLLIN },
		{ .fd = w->signals, .events = POLLIN } };
	while (read(w->signals, &info, sizeof info) < 0) {
		if (bh_rules_step(w->rules))
			return bh_cli_fail(w->cli, BH_EXIT_SYSTEM,
				"bulkhead-priv has ended: the rules are no longer watched");
		if (poll(p, BH_LEN(p), bh_rules_wait(w->rules)) < 0 && errno != EINTR)
			return bh_cli_fail(w->cli, BH_EXIT_SYSTEM, "%s", strerror(errno));
	}
	return bh_cli_flush(w->cli);
}

static int run(struct bh_cli *cli)
{
	static struct bh_watch w;
	w.cli = cli;
	int r = parse(&w);

	if (!r && w.alert && !(w.alerts = bh_alerts_new()))
		r = bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	if (!r && w.rules_only)
		r = watch_rules(&w);
	else if (!r)
		r = prepare(&w);
	if (!r && !w.rules_only)
		r = watch(&w);
	bh_firsts_free(w.firsts);
	bh_rules_free(w.rules);
	bh_alerts_free(w.alerts);
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
	.args = "[-i IFACE]… [--samba-audit FILE]… [--rules] [options]",
	.summary = "watch live SMB traffic, what audit rules would block, and the rules",
	.about =
		"Prints one line per new conversation and keeps all of them in the database, until\n"
		"^C or SIGTERM.  Interfaces need root: bulkhead-priv opens them, and the process that\n"
		"reads packets has no privilege at all.  Where a log is named and no interface, the\n"
		"log alone is followed, and no root is needed.  --json prints one object a line.\n\n"
		"It also says when somebody else changes our table, or rules elsewhere that\n"
		"contradict the policy, who it was and what.  --rules watches nothing but that.",
	.options = options,
	.run = run,
};
