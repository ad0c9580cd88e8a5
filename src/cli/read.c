#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/read.h"
#include "cli/said.h"
#include "sandbox/sandbox.h"

/* A file that is no capture says nothing, and nothing is kept of it. */
static bool said_something(const struct bh_told *t)
{
	return !t->problem || t->record || t->tally.packets || t->tally.records;
}

static int read_file(struct bh_cli *cli, struct bh_store *store, struct bh_told *t,
	const struct bh_sensor_log *how)
{
	uint64_t seed = 0;
	int fd = -1;
	int r = bh_read_open(cli, t->name, &fd, t);

	if (r)
		return r;
	r = bh_read_identify(cli, t->name, fd, t->size, t->identity);
	if (r) {
		close(fd);
		return r;
	}
	if (getrandom(&seed, sizeof seed, 0) < 0)
		seed = (uint64_t)bh_said_now();
	BH_AUTO(bh_inventory) inv = bh_inventory_new(seed);
	if (!inv) {
		close(fd);
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	}
	r = bh_read_listen(cli, fd, t, how, inv);
	if (r)
		return r;
	bh_read_name_source(t);
	t->lost = bh_inventory_lost(inv);
	if (t->problem)
		bh_read_say_problem(t);
	r = said_something(t) ? bh_read_keep(cli, store, t, inv) : 0;
	if (r)
		return r;
	if (!cli->json)
		bh_read_say(cli, t);
	return t->problem && !t->record ? BH_EXIT_INPUT : BH_EXIT_OK;
}

static int read_files(struct bh_cli *cli, const struct bh_sensor_log *how, const char **names,
	size_t n, json_t *files)
{
	BH_AUTO(bh_store) store = NULL;
	int worst = bh_cli_db_write(cli, &store, NULL);

	if (worst)
		return worst;
	for (size_t i = 0; i < n; i++) {
		struct bh_told t = { .name = names[i] };
		int r = read_file(cli, store, &t, how);
		if (r > worst)
			worst = r;
		bool full = files && json_array_append_new(files, bh_read_json(&t));
		free(t.kinds);
		if (full)
			return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	}
	return worst;
}

enum { OPT_PREFIX = 1, OPT_SERVER, OPT_CLOCK };

/* "+01:00", "-3", "0530": within a day. */
static bool clock_ahead(const char *text, int32_t *ret)
{
	int sign = *text == '-' ? -1 : 1, hours = 0, minutes = 0, n = 0;

	text += *text == '-' || *text == '+';
	if (sscanf(text, "%2d:%2d%n", &hours, &minutes, &n) != 2 || text[n]) {
		minutes = 0;
		if (sscanf(text, "%2d%n", &hours, &n) != 1 || text[n])
			return false;
	}
	*ret = sign * (hours * 3600 + minutes * 60);
	return hours >= 0 && hours <= 14 && minutes >= 0 && minutes < 60;
}

static int run(struct bh_cli *cli)
{
	const char **names = calloc((size_t)cli->argc, sizeof *names);
	struct bh_sensor_log how = { 0 };
	size_t n = 0;
	int id;

	if (!names)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	while ((id = bh_cli_next(cli)) >= 0) {
		switch (id) {
		case OPT_PREFIX: how.prefix = cli->value; break;
		case OPT_SERVER: how.server_name = cli->value; break;
		case OPT_CLOCK:
			if (!clock_ahead(cli->value, &how.east)) {
				free(names);
				return bh_cli_usage(cli,
					"--clock wants hours ahead of UTC, like +01:00, not '%s'",
					cli->value);
			}
			break;
		default: names[n++] = cli->value;
		}
	}
	/* Root's power is of no use here, beyond reading what root may read. */
	int r = geteuid() == 0 ? bh_sandbox_enter(BH_ROLE_CLI) : 0;
	if (r) {
		free(names);
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "cannot give up root's privileges: %s",
			strerrordesc_np(-r));
	}
	json_t *files = cli->json ? json_array() : NULL;
	r = n ? read_files(cli, &how, names, n, files)
	      : bh_cli_usage(cli, "name a capture or a log, or '-' for standard input");
	free(names);
	if (!cli->json || !n) {
		json_decref(files);
		int e = bh_cli_flush(cli);
		return r ? r : e;
	}
	json_t *doc = json_object();
	json_object_set_new(doc, "files", files);
	int e = bh_cli_json(cli, doc);
	return r ? r : e;
}

static const struct bh_option options[] = {
	{ "prefix", 0, "FORMAT", "full_audit:prefix of a Samba log, such as '%u|%I|%m|%S'",
		OPT_PREFIX },
	{ "log-server", 0, "NAME", "whose log it is, where it does not say so itself", OPT_SERVER },
	{ "clock", 0, "±HH:MM", "how far a log's clock is ahead of UTC, where it names no zone",
		OPT_CLOCK },
	{ 0 }
};

const struct bh_command bh_cmd_read = {
	.name = "read",
	.args = "[options] FILE…",
	.summary = "read captures and logs into the inventory",
	.about =
		"Captures: pcap and pcapng.  Logs: Windows events (EVTX, wevtutil's XML, winlogbeat, NXLog,\n"
		"Azure Monitor), pfirewall.log, Samba's auth_json_audit and full_audit, Zeek, Suricata.\n"
		"Gzipped or not; the content decides what a file is; '-' is standard input.  Reading a file again\n"
		"replaces what it said before.  When a file breaks off, everything before that place\n"
		"is kept, the place is said, and the exit status is 3.",
	.options = options,
	.run = run,
};
