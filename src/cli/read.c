#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/keeping.h"
#include "cli/read.h"
#include "cli/said.h"
#include "cli/stream.h"
#include "sandbox/sandbox.h"

/* ---- one lot after the other ---- */

static int read_lot(struct bh_read *q, struct bh_lot *lot)
{
	uint64_t seed = 0;
	int r;

	if (getrandom(&seed, sizeof seed, 0) < 0)
		seed = (uint64_t)bh_said_now();
	BH_AUTO(bh_inventory) inv = bh_inventory_new(seed);
	if (!inv)
		return bh_cli_fail(q->cli, BH_EXIT_SYSTEM, "out of memory");
	r = bh_read_listen(q, lot, inv);
	if (r)
		return r;
	for (size_t i = 0; i < lot->n; i++) {
		bh_read_name_source(&lot->v[i], lot->n == 1);
		if (!lot->v[i].problem)
			continue;
		bh_read_say_problem(&lot->v[i]);
		if (!lot->v[i].record)
			r = BH_EXIT_INPUT;
	}
	int kept = bh_read_keep(q, lot, inv);
	return kept ? kept : r;
}

static int tell_lot(const struct bh_read *q, struct bh_lot *lot, json_t *files)
{
	for (size_t i = 0; i < lot->n; i++) {
		if (!files)
			bh_read_say(q->cli, &lot->v[i]);
		else if (json_array_append_new(files, bh_read_json(&lot->v[i])))
			return bh_cli_fail(q->cli, BH_EXIT_SYSTEM, "out of memory");
	}
	if (!files)
		bh_read_say_together(q->cli, lot);
	fflush(stdout); /* what is kept is said, whatever comes */
	return 0;
}

/* How far it came, and how it goes on.  What a connection is cannot be told from its middle:
 * the file in work is read from its beginning then, and replaces its part. */
static void say_interrupted(const struct bh_read *q, size_t done, const struct bh_told *part)
{
	BH_AUTO_BUF b = { 0 };

	bh_buf_printf(&b, "interrupted after %zu of %zu files", done, q->n_names);
	if (part) {
		bh_buf_str(&b, "; ");
		bh_read_how_far(part, &b);
		bh_buf_printf(&b, " of %s kept", part->name);
	}
	bh_cli_fail(q->cli, 0, "%s; the same command goes on%s", bh_buf_text(&b),
		part ? " with it, from its beginning" : "");
}

static int read_files(struct bh_read *q, json_t *files)
{
	size_t done = 0;
	int worst = 0;

	for (size_t i = 0; i < q->n_names && worst != BH_EXIT_USAGE; i++) {
		struct bh_lot lot = { 0 };
		if (q->taken[i])
			continue;
		if (bh_read_stopped()) {
			say_interrupted(q, done, NULL);
			break;
		}
		int r = bh_read_lot(q, i, &lot);
		if (!r)
			r = bh_read_lot_known(q, &lot);
		if (!r && !lot.v[0].already)
			r = read_lot(q, &lot);
		int told = lot.n ? tell_lot(q, &lot, files) : 0;
		bool part = lot.n && lot.v[0].part;
		if (part)
			say_interrupted(q, done, lot.v[0].stored ? &lot.v[0] : NULL);
		done += part ? 0 : lot.n;
		bh_read_lot_free(&lot);
		worst = r > worst ? r : worst;
		if (told || part)
			return told > worst ? told : worst;
	}
	return worst;
}

/* ---- the command ---- */

enum { OPT_PREFIX = 1, OPT_SERVER, OPT_CLOCK, OPT_AGAIN, OPT_RETAIN, OPT_HIDE };

static int take(struct bh_read *q, int id)
{
	struct bh_cli *cli = q->cli;

	switch (id) {
	case OPT_PREFIX: q->log.prefix = cli->value; return 0;
	case OPT_SERVER: q->log.server_name = cli->value; return 0;
	case OPT_CLOCK:
		return bh_stream_clock(cli->value, &q->log.east)
			       ? 0
			       : bh_cli_usage(cli,
					 "--clock wants hours ahead of UTC, like +01:00, not '%s'",
					 cli->value);
	case OPT_AGAIN: q->again = true; return 0;
	case OPT_RETAIN: return bh_cli_retain_days(cli, &q->retain);
	case OPT_HIDE: q->key = cli->value; return 0;
	default: q->names[q->n_names++] = cli->value; return 0;
	}
}

/* What a file says may depend on it: another answer is read again. */
static int describe(struct bh_read *q)
{
	BH_AUTO_BUF b = { 0 };

	if (q->log.prefix)
		bh_buf_printf(&b, "prefix %s\n", q->log.prefix);
	if (q->log.server_name)
		bh_buf_printf(&b, "server %s\n", q->log.server_name);
	if (q->log.east)
		bh_buf_printf(&b, "clock %d\n", q->log.east);
	if (!bh_buf_ok(&b) || b.len >= sizeof q->how)
		return bh_cli_usage(q->cli, "--prefix or --log-server is too long");
	memcpy(q->how, bh_buf_text(&b), b.len + 1);
	return 0;
}

static int prepare(struct bh_read *q)
{
	int r = describe(q);

	if (r)
		return r;
	if (!q->n_names && !q->retain)
		return bh_cli_usage(q->cli, "name a capture or a log, or '-' for standard input");
	/* Root's power is of no use here, beyond reading what root may read. */
	r = geteuid() == 0 ? bh_sandbox_enter(BH_ROLE_CLI) : 0;
	if (r)
		return bh_cli_fail(q->cli, BH_EXIT_SYSTEM, "cannot give up root's privileges: %s",
			strerrordesc_np(-r));
	r = bh_cli_db_write(q->cli, &q->store, NULL);
	if (!r)
		r = bh_cli_hide(q->cli, q->store, q->key, &q->pseudonyms);
	bh_read_heed();
	return r;
}

static int print_json(const struct bh_read *q, json_t *files, uint64_t forgotten)
{
	json_t *doc = json_object();

	json_object_set_new(doc, "files", files);
	json_object_set_new(doc, "forgotten", json_integer((json_int_t)forgotten));
	json_object_set_new(doc, "interrupted", json_boolean(bh_read_stopped()));
	return bh_cli_json(q->cli, doc);
}

static int read_all(struct bh_read *q)
{
	int r = 0;

	for (int id; !r && (id = bh_cli_next(q->cli)) >= 0;)
		r = take(q, id);
	if (!r)
		r = prepare(q);
	if (r)
		return r;
	json_t *files = q->cli->json ? json_array() : NULL;
	uint64_t forgotten = 0;
	r = read_files(q, files);
	int e = q->retain ? bh_cli_retain(q->cli, q->store, q->retain, &forgotten) : 0;
	r = r > e ? r : e;
	e = files ? print_json(q, files, forgotten) : bh_cli_flush(q->cli);
	return r ? r : e;
}

static int run(struct bh_cli *cli)
{
	struct bh_read q = { .cli = cli };

	q.names = calloc((size_t)cli->argc, sizeof *q.names);
	q.taken = calloc((size_t)cli->argc, sizeof *q.taken);
	int r = q.names && q.taken ? read_all(&q)
				   : bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	bh_store_free(q.store);
	bh_pseudonyms_free(q.pseudonyms);
	free(q.names);
	free(q.taken);
	/* Whoever started us learns what ended us. */
	if (bh_read_stopped()) {
		signal(bh_read_stopped(), SIG_DFL);
		raise(bh_read_stopped());
	}
	return r;
}

static const struct bh_option options[] = {
	{ "prefix", 0, "FORMAT", "full_audit:prefix of a Samba log, such as '%u|%I|%m|%S'",
		OPT_PREFIX },
	{ "log-server", 0, "NAME", "whose log it is, where it does not say so itself", OPT_SERVER },
	{ "clock", 0, "±HH:MM", "how far a log's clock is ahead of UTC, where it names no zone",
		OPT_CLOCK },
	{ "again", 0, NULL, "read also what was read already", OPT_AGAIN },
	BH_KEEPING_OPTIONS(OPT_RETAIN, OPT_HIDE), { 0 }
};

const struct bh_command bh_cmd_read = {
	.name = "read",
	.args = "[options] FILE…",
	.summary = "read captures and logs into the inventory",
	.about =
		"Captures: pcap and pcapng.  Logs: Windows events (EVTX, wevtutil's XML, winlogbeat, NXLog,\n"
		"Azure Monitor), pfirewall.log, Samba's auth_json_audit and full_audit, Zeek, Suricata.\n"
		"Gzipped or not; the content decides what a file is; '-' is standard input.  What was read\n"
		"already is not read again; a file that has grown replaces what it said before.  After\n"
		"an interruption the same command goes on.  When a file breaks off, everything before\n"
		"that place is kept, the place is said, and the exit status is 3.",
	.options = options,
	.run = run,
};
