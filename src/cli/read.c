#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/db.h"
#include "cli/said.h"
#include "inventory/inventory.h"
#include "sandbox/sandbox.h"
#include "sensor/sensor.h"
#include "json/json.h"

#define WHOLE_HASH   (64u << 20) /* larger files are recognised by samples */
#define SAMPLE       (64u << 10)
#define SAMPLE_EVERY (1u << 20)
#define IDENTITY     96
#define WRITER_WAIT  10000 /* ms: a running `watch` writes for milliseconds */
#define MAX_KINDS    1024 /* of a log's records; the sensor tells 512 at most */
#define SHOWN_KINDS  6

/* What became of one file. */
struct told {
	const char *name;
	char identity[IDENTITY];
	struct bh_tally tally;
	size_t conversations;
	struct bh_inventory_lost lost;
	bool stored;
	bool problem; /* the input could not be believed, from offset on */
	bool record; /* but for one record it could */
	uint64_t offset;
	char text[BH_PROBLEM_TEXT];
	struct bh_event_count *kinds; /* of a log's records, as they were first told */
	size_t n_kinds;
	uint64_t size; /* 0: not known beforehand */
	bh_time modified; /* 0: not known */
	bh_time began, shown; /* progress */
};

/* ---- the file ---- */

static int input_error(const struct bh_cli *cli, const char *name, const char *what)
{
	return bh_cli_fail(cli, BH_EXIT_INPUT, "cannot read %s: %s", name, what);
}

/* A pipe's content must be seen twice, once for its identity: it goes into a file
 * without a name. */
static int spool(const struct bh_cli *cli, int in, const char *name, int *ret)
{
	const char *folder = getenv("TMPDIR");
	char buf[65536];
	ssize_t n;
	int fd = open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		fd = memfd_create("bulkhead-stdin", MFD_CLOEXEC);
	if (fd < 0)
		return bh_cli_fail(
			cli, BH_EXIT_SYSTEM, "no room for what %s says: %s", name, strerror(errno));
	while ((n = read(in, buf, sizeof buf)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || write(fd, buf, (size_t)n) != n) {
			int e = errno;
			close(fd);
			return n < 0 ? input_error(cli, name, strerror(e))
				     : bh_cli_fail(cli, BH_EXIT_SYSTEM,
					       "no room for what %s says: %s", name, strerror(e));
		}
	}
	*ret = fd;
	return 0;
}

static int open_input(const struct bh_cli *cli, const char *name, int *ret, struct told *t)
{
	bool in = !strcmp(name, "-");
	int fd = in ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		int e = errno;
		if (fd >= 0)
			close(fd);
		return input_error(cli, name, strerror(e));
	}
	if (S_ISDIR(st.st_mode)) {
		close(fd);
		return bh_cli_fail(
			cli, BH_EXIT_INPUT, "%s is a folder: name the files in it", name);
	}
	if (!S_ISREG(st.st_mode)) {
		int from = fd, r = spool(cli, from, in ? "standard input" : name, &fd);
		close(from);
		if (r)
			return r;
		if (fstat(fd, &st) < 0)
			st.st_size = 0;
	} else {
		t->modified = (bh_time)st.st_mtim.tv_sec * BH_SECOND;
	}
	*ret = fd;
	t->size = (uint64_t)st.st_size;
	return 0;
}

static int hash_range(struct sha256_ctx *h, int fd, uint64_t from, uint64_t to)
{
	static uint8_t buf[SAMPLE];

	while (from < to) {
		ssize_t n = pread(fd, buf, bh_min_size(sizeof buf, to - from), (off_t)from);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		sha256_update(h, (size_t)n, buf);
		from += (uint64_t)n;
	}
	return 0;
}

/* The content's own name, so that reading it again, from wherever, replaces.  Hashing
 * gigabytes would cost more than reading them: of those, the length, both ends and a
 * sample of every megabyte. */
static int identify(int fd, uint64_t size, char ret[IDENTITY])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx h;
	bool whole = size <= WHOLE_HASH;
	int r = 0;

	sha256_init(&h);
	if (whole) {
		r = hash_range(&h, fd, 0, size);
	} else {
		sha256_update(&h, sizeof size, (const uint8_t *)&size);
		for (uint64_t at = 0; !r && at < size; at += SAMPLE_EVERY)
			r = hash_range(&h, fd, at, at + SAMPLE);
		if (!r)
			r = hash_range(&h, fd, size - SAMPLE_EVERY, size);
	}
	if (r)
		return r;
	sha256_digest(&h, sizeof digest, digest);
	int n = snprintf(ret, IDENTITY, "%s:", whole ? "sha256" : "sampled-sha256");
	for (size_t i = 0; i < sizeof digest; i++)
		n += snprintf(ret + n, IDENTITY - (size_t)n, "%02x", digest[i]);
	return 0;
}

/* ---- what the sensor says ---- */

static bool wants_progress(const struct bh_cli *cli)
{
	return !cli->quiet && isatty(STDERR_FILENO);
}

static void show_progress(struct told *t)
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

static void end_progress(const struct told *t)
{
	if (t->shown)
		fprintf(stderr, "\r\033[K");
}

/* A name given on the command line may hold anything; a terminal gets no orders. */
static void say_problem(const struct told *t)
{
	fflush(stdout);
	fprintf(stderr, "%s@%llu: %s\n", t->name, (unsigned long long)t->offset, t->text);
}

/* Told again, a count replaces. */
static int keep_kind(struct told *t, const struct bh_event_count *e)
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
static void keep_problem(struct told *t, const struct bh_fact *f)
{
	if (t->problem && (!t->record || f->problem.record))
		return;
	t->problem = true;
	t->record = f->problem.record;
	t->offset = f->problem.offset;
	memcpy(t->text, f->problem.text, sizeof t->text);
}

/* One record of a process that is not trusted: 1 to go on, 0 at its end, -errno. */
static int listen_once(const struct bh_cli *cli, struct bh_sensor_child *c, struct told *t,
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

static int listen_to(const struct bh_cli *cli, int fd, struct told *t,
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

/* ---- what kind of evidence it is ---- */

/* The record kinds of each log begin with its name; Windows' are providers. */
static const char *evidence_of(const struct told *t)
{
	static const struct {
		const char *begins, *evidence;
	} known[] = {
		{ "zeek", "zeek" },
		{ "suricata", "suricata" },
		{ "samba", "samba" },
		{ "pfirewall", "pfirewall" },
	};
	const struct bh_event_count *most = NULL;

	for (size_t i = 0; i < t->n_kinds; i++) {
		const struct bh_event_count *e = &t->kinds[i];
		if (!most || e->read > most->read ||
			(e->read == most->read && e->count > most->count))
			most = e;
	}
	if (!most)
		return t->tally.records ? "log" : "pcap";
	for (size_t i = 0; i < BH_LEN(known); i++) {
		if (!strncmp(most->provider, known[i].begins, strlen(known[i].begins)))
			return known[i].evidence;
	}
	return "windows";
}

/* "pcap:sha256:…": its first word says what kinds of evidence may confirm each other. */
static void name_source(struct told *t)
{
	char content[IDENTITY];

	memcpy(content, t->identity, sizeof content);
	snprintf(t->identity, sizeof t->identity, "%s:%.80s", evidence_of(t), content);
}

/* ---- into the database ---- */

struct saving {
	struct bh_store *store;
	uint32_t source;
	size_t rows;
};

static int save_row(void *ctx, const struct bh_row *row)
{
	struct saving *s = ctx;

	s->rows++;
	return bh_store_put(s->store, s->source, row, 1);
}

static int save(struct bh_store *store, struct told *t, const struct bh_inventory *inv)
{
	struct saving s = { .store = store };
	int r = bh_store_begin(store, WRITER_WAIT);

	if (r)
		return r;
	r = bh_store_source(store, t->identity, t->name, true, &s.source);
	if (!r)
		r = bh_inventory_changes(inv, 0, save_row, &s);
	if (!r)
		r = bh_store_tally(store, s.source, &t->tally);
	if (!r)
		r = bh_store_commit(store);
	if (r) {
		bh_store_abandon(store);
		return r;
	}
	t->conversations = s.rows;
	t->stored = true;
	return 0;
}

static int save_or_say(
	struct bh_cli *cli, struct bh_store *store, struct told *t, const struct bh_inventory *inv)
{
	int r = save(store, t, inv);

	if (r == -EBUSY)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM,
			"%s is not kept: another process is writing to the database; try again",
			t->name);
	if (r)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "%s is not kept: %s", t->name,
			r == -EIO ? "the database is damaged or its disk failed"
				  : strerrordesc_np(-r));
	return 0;
}

/* ---- what the user is told ---- */

static int by_count(const void *a, const void *b)
{
	const struct bh_event_count *x = a, *y = b;

	if (x->read != y->read)
		return y->read - x->read;
	return x->count < y->count   ? 1
	       : x->count > y->count ? -1
				     : strcmp(x->provider, y->provider);
}

/* "5140 41×": the kinds that were read, the most first. */
static void say_kinds(struct told *t, struct bh_buf *b)
{
	uint64_t others = 0;
	size_t shown = 0;

	if (t->n_kinds)
		qsort(t->kinds, t->n_kinds, sizeof *t->kinds, by_count);
	for (size_t i = 0; i < t->n_kinds; i++) {
		const struct bh_event_count *e = &t->kinds[i];
		if (!e->read || shown == SHOWN_KINDS) {
			others += e->count;
			continue;
		}
		bh_buf_str(b, shown++ ? ", " : "\n  read: ");
		if (e->id)
			bh_buf_printf(b, "event %u", e->id);
		else
			bh_buf_str(b, e->provider);
		bh_buf_printf(b, " %llu×", (unsigned long long)e->count);
	}
	if (!others)
		return;
	bh_buf_str(b, shown ? "; " : "\n  ");
	bh_said_count(others, "record of another kind", "records of other kinds", b);
}

static void say_summary(const struct bh_cli *cli, struct told *t)
{
	BH_AUTO_BUF b = { 0 };
	BH_AUTO_BUF missed = { 0 };

	if (cli->quiet || !t->stored)
		return;
	bh_buf_printf(&b, "%s: ", t->name);
	if (t->n_kinds || t->tally.records) {
		bh_said_count(t->tally.records, "record", "records", &b);
	} else {
		bh_said_count(t->tally.packets, "packet", "packets", &b);
		bh_buf_str(&b, ", ");
		bh_said_count(t->tally.messages, "SMB message", "SMB messages", &b);
	}
	bh_buf_str(&b, ", ");
	bh_said_count(t->conversations, "conversation", "conversations", &b);
	say_kinds(t, &b);
	bh_said_not_followed(&t->tally, &missed);
	if (missed.len)
		bh_buf_printf(&b, "\n  not followed: %s", bh_buf_text(&missed));
	if (t->lost.rows || t->lost.leaves)
		bh_buf_printf(&b,
			"\n  too much for one file: %llu conversations were given up, and %llu "
			"connections are no longer told apart",
			(unsigned long long)t->lost.rows, (unsigned long long)t->lost.leaves);
	puts(bh_buf_text(&b));
}

static json_t *told_json(const struct told *t)
{
	json_t *o = json_object(), *problem = json_null(), *events = json_array();

	for (size_t i = 0; i < t->n_kinds; i++) {
		const struct bh_event_count *e = &t->kinds[i];
		json_array_append_new(events,
			json_pack("{s:s, s:I, s:I, s:b}", "provider", e->provider, "id",
				(json_int_t)e->id, "count", (json_int_t)e->count, "read", e->read));
	}
	if (t->problem) {
		problem = json_object();
		json_object_set_new(problem, "offset", json_integer((json_int_t)t->offset));
		json_object_set_new(problem, "text", json_string(t->text));
	}
	/* A file's name need not be UTF-8. */
	json_t *name = json_string(t->name);
	json_object_set_new(o, "file", name ? name : json_null());
	json_object_set_new(o, "source", t->identity[0] ? json_string(t->identity) : json_null());
	json_object_set_new(o, "kept", json_boolean(t->stored));
	json_object_set_new(o, "conversations", json_integer((json_int_t)t->conversations));
	json_object_set_new(o, "given_up", json_integer((json_int_t)t->lost.rows));
	json_object_set_new(o, "events", events);
	json_object_set_new(o, "tally", bh_json_tally(&t->tally));
	json_object_set_new(o, "problem", problem);
	return o;
}

/* ---- the command ---- */

/* A file that is no capture says nothing, and nothing is kept of it. */
static bool said_something(const struct told *t)
{
	return !t->problem || t->record || t->tally.packets || t->tally.records;
}

static int read_file(
	struct bh_cli *cli, struct bh_store *store, struct told *t, const struct bh_sensor_log *how)
{
	uint64_t seed = 0;
	int fd = -1;
	int r = open_input(cli, t->name, &fd, t);

	if (r)
		return r;
	r = identify(fd, t->size, t->identity);
	if (r) {
		close(fd);
		return input_error(cli, t->name, strerrordesc_np(-r));
	}
	if (getrandom(&seed, sizeof seed, 0) < 0)
		seed = (uint64_t)bh_said_now();
	BH_AUTO(bh_inventory) inv = bh_inventory_new(seed);
	if (!inv) {
		close(fd);
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	}
	r = listen_to(cli, fd, t, how, inv);
	if (r)
		return r;
	name_source(t);
	t->lost = bh_inventory_lost(inv);
	if (t->problem)
		say_problem(t);
	r = said_something(t) ? save_or_say(cli, store, t, inv) : 0;
	if (r)
		return r;
	if (!cli->json)
		say_summary(cli, t);
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
		struct told t = { .name = names[i] };
		int r = read_file(cli, store, &t, how);
		if (r > worst)
			worst = r;
		bool full = files && json_array_append_new(files, told_json(&t));
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
