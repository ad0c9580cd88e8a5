/*
 * store: what a large inventory costs in the database.
 *
 * usage: bench-store [ROWS=1000000 [FOLDER]]
 *
 * Rows as a company of that size makes them, all distinct: 2,000 clients with 2,500 users
 * on 50 servers with 300 shares, each server called by two names, Kerberos and NTLM,
 * three dialects, a share in ten encrypted, an access in twenty denied, figures and times
 * over 90 days.  They come in no order.  Printed: CPU seconds (user and system), bytes a
 * row; of filters medians of milliseconds, CPU and wall.  Nothing is asserted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"

enum { CLIENTS = 2000, SERVERS = 50, SHARES = 300, TURNS = 21 };

#define START ((bh_time)1700000000 * BH_SECOND)
#define DAY   (86400 * BH_SECOND)

static uint64_t n_rows = 1000000;
static char path[320], key[330];

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(int r, const char *what)
{
	if (!r)
		return;
	fprintf(stderr, "bench-store: %s: %s\n", what, strerrordesc_np(-r));
	exit(4);
}

static uint64_t mix(uint64_t v)
{
	v = (v ^ v >> 31) * 0x7fb5d329728ea185u;
	v = (v ^ v >> 27) * 0x81dadef4bc2dd44du;
	return v ^ v >> 33;
}

static void know(struct bh_conversation *c, uint8_t bit)
{
	c->known |= bit;
}

static void fill_place(struct bh_conversation *c, unsigned share, bool full_name)
{
	unsigned server = share % SERVERS;

	c->server = bh_addr_v4(0x0a0a0000 + 10 + server);
	c->port = 445;
	c->share_type = BH_SHARE_DISK;
	know(c, BH_KNOWN_SERVER_NAME | BH_KNOWN_SHARE);
	snprintf(c->server_name, sizeof c->server_name, "fs%02u%s", server,
		full_name ? ".corp.example" : "");
	snprintf(c->share, sizeof c->share, "\\\\%s\\department-%03u", c->server_name, share);
	c->encrypted = share % 10 == 0;
	c->signing_server = server % 3 ? BH_SIGNING_REQUIRED : BH_SIGNING_ENABLED;
}

static void fill_caller(struct bh_conversation *c, unsigned client, unsigned variant)
{
	unsigned user = client % 4 == 0 && variant % 2 ? CLIENTS + client / 4 : client;

	c->client = bh_addr_v4(0x0a140000 + client);
	know(c, BH_KNOWN_USER | BH_KNOWN_DOMAIN);
	snprintf(c->user, sizeof c->user, "%s.%04u", user % 3 ? "walter" : "alexandra", user);
	strcpy(c->domain, "CORP");
	c->dialect = client % 10 == 0  ? BH_DIALECT_21
		     : client % 7 == 0 ? BH_DIALECT_302
				       : BH_DIALECT_311;
	c->signing_client = BH_SIGNING_ENABLED;
	c->cipher = c->dialect == BH_DIALECT_311 ? BH_CIPHER_AES128_GCM : BH_CIPHER_NONE;
}

/* Row i of n_rows, its conversation in *c: every i another, in an order that nothing
 * follows. */
static struct bh_row row(uint64_t i, uint64_t turn, struct bh_conversation *c)
{
	uint64_t k = i * 611953 % n_rows; /* a prime, so that it visits all */
	unsigned client = (unsigned)(k % CLIENTS), share = (unsigned)(k / CLIENTS % SHARES);
	unsigned variant = (unsigned)(k / CLIENTS / SHARES);
	uint64_t luck = mix(k);
	struct bh_row r = { 0 };

	bh_conversation_init(c);
	fill_place(c, share, variant & 1);
	fill_caller(c, client, variant);
	c->outcome = BH_ANSWERED;
	c->complete = 1;
	c->guest = 0;
	c->is_signed = 1;
	c->auth = variant & 2 ? BH_AUTH_NTLM : BH_AUTH_KERBEROS;
	c->ntlm = variant & 2 ? BH_NTLM_V2 : BH_NTLM_UNKNOWN;
	if (variant & 2) {
		know(c, BH_KNOWN_WORKSTATION);
		snprintf(c->workstation, sizeof c->workstation, "PC-%04u", client);
	} else {
		know(c, BH_KNOWN_SERVICE);
		snprintf(c->service, sizeof c->service, "cifs/%.200s", c->server_name);
	}
	know(c, BH_KNOWN_AUTH_STATUS | BH_KNOWN_SHARE_STATUS);
	c->share_status = luck % 20 == 0 ? 0xc0000022 : 0;
	c->smb1_offered = 0;
	c->signing_algorithm = BH_SIGN_AES_CMAC;
	c->compression = (uint8_t)(variant >> 2); /* beyond 2,400,000 rows */
	r.figures.connections = 1 + luck % 200 + turn;
	r.figures.bytes_to_server = (luck >> 20) % 3000000;
	r.figures.bytes_to_client = (luck >> 30) % 30000000;
	r.figures.first_seen = START + (bh_time)(mix(luck) % (uint64_t)(60 * DAY));
	r.figures.last_seen =
		r.figures.first_seen + (bh_time)(mix(luck + 1 + turn) % (uint64_t)(30 * DAY));
	r.figures.opens = luck % 1000;
	r.who = bh_talk_of(c);
	return r;
}

static struct bh_store *open_store(bool write)
{
	const char *why = "";
	struct bh_store *s = NULL;
	int r = bh_store_open(path, write, write, &s, &why);

	check(r, why);
	return s;
}

static void drop(void)
{
	static const char *const suffix[] = { "", "-wal", "-shm", ".lock" };

	for (size_t i = 0; i < BH_LEN(suffix); i++) {
		char name[340];
		snprintf(name, sizeof name, "%s%s", path, suffix[i]);
		unlink(name);
	}
}

/* All rows, in batches of so many; CPU seconds of the store alone. */
static double put_all(struct bh_store *s, uint64_t batch, uint64_t turn)
{
	static struct bh_conversation who[1000];
	static struct bh_row v[1000];
	double spent = 0, since = cpu();
	uint32_t id = 0;

	for (uint64_t i = 0; i < n_rows; i += 1000) {
		uint64_t n = n_rows - i < 1000 ? n_rows - i : 1000;
		spent += cpu() - since;
		for (uint64_t k = 0; k < n; k++)
			v[k] = row(i + k, turn, &who[k]);
		since = cpu();
		if (i % batch == 0) {
			check(bh_store_begin(s, 0), "begin");
			check(bh_store_source(s, "live:bench", "bench", false, &id), "source");
		}
		check(bh_store_put(s, id, v, n), "put");
		if ((i + n) % batch == 0 || i + n == n_rows)
			check(bh_store_commit(s), "commit");
	}
	spent += cpu() - since;
	return spent;
}

static void load(const char *what, uint64_t batch, struct bh_pseudonyms *hide)
{
	struct bh_store *s = open_store(true);
	struct stat st;

	if (hide)
		check(bh_store_hide(s, hide), "hide");
	double spent = put_all(s, batch, 0), since = cpu();
	bh_store_free(s); /* with what SQLite does at the end */
	spent += cpu() - since;
	check(stat(path, &st) ? -errno : 0, path);
	printf("%-44s %8.2f CPU s  %8.1f bytes/row\n", what, spent,
		(double)st.st_size / (double)n_rows);
}

static void update(const char *what, uint64_t batch)
{
	struct bh_store *s = open_store(true);
	double spent = put_all(s, batch, 1), since = cpu();

	bh_store_free(s);
	spent += cpu() - since;
	printf("%-44s %8.2f CPU s\n", what, spent);
}

static int by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void filtered(const char *what, const struct bh_store_filter *f)
{
	double ms[TURNS], spent[TURNS];
	size_t n = 0;

	for (int i = 0; i < TURNS; i++) {
		BH_AUTO_ARENA a = { 0 };
		const struct bh_row *rows;
		double since = wall(), since_cpu = cpu();
		struct bh_store *s = open_store(false);
		check(bh_store_rows(s, f, &a, &rows, &n), "rows");
		bh_store_free(s);
		ms[i] = (wall() - since) * 1e3;
		spent[i] = (cpu() - since_cpu) * 1e3;
	}
	qsort(ms, TURNS, sizeof *ms, by_number);
	qsort(spent, TURNS, sizeof *spent, by_number);
	printf("  %-42s %8.2f CPU ms  %8.2f ms  %8zu rows\n", what, spent[TURNS / 2], ms[TURNS / 2],
		n);
}

struct sums {
	uint64_t rows, connections, bytes, by_server[256], by_dialect[BH_DIALECTS];
};

static int sum(void *ctx, const struct bh_row *r)
{
	struct sums *s = ctx;

	s->rows++;
	s->connections += r->figures.connections;
	s->bytes += r->figures.bytes_to_server + r->figures.bytes_to_client;
	s->by_server[(uint8_t)r->who.server.num]++;
	s->by_dialect[r->who.dialect]++;
	return 0;
}

static void aggregate(void)
{
	double s[5];
	struct sums sums;

	for (size_t i = 0; i < BH_LEN(s); i++) {
		struct bh_store *store = open_store(false);
		double since = cpu();
		sums = (struct sums){ 0 };
		check(bh_store_each(store, NULL, sum, &sums), "each");
		s[i] = cpu() - since;
		bh_store_free(store);
	}
	qsort(s, BH_LEN(s), sizeof *s, by_number);
	printf("%-44s %8.2f CPU s  %8llu rows\n", "full aggregate", s[BH_LEN(s) / 2],
		(unsigned long long)sums.rows);
}

static void filters(void)
{
	printf("a filter, with opening the database:\n");
	filtered("--client", &(struct bh_store_filter){ .client = bh_addr_v4(0x0a140007) });
	filtered("--user", &(struct bh_store_filter){ .user = "walter.0007" });
	filtered("--client --server", &(struct bh_store_filter){ .client = bh_addr_v4(0x0a140007),
					      .server = bh_addr_v4(0x0a0a000c) });
	filtered("--client --since", &(struct bh_store_filter){ .client = bh_addr_v4(0x0a140007),
					     .since = START + 85 * DAY });
	filtered("--share", &(struct bh_store_filter){ .share = "department-004" });
	filtered("--share --user",
		&(struct bh_store_filter){ .share = "department-004", .user = "walter.0007" });
	filtered("--since, the last minutes",
		&(struct bh_store_filter){ .since = START + 90 * DAY - 3 * 3600 * BH_SECOND });
	filtered("--server", &(struct bh_store_filter){ .server = bh_addr_v4(0x0a0a000c) });
	filtered("port that nobody uses", &(struct bh_store_filter){ .port = 139 });
}

static void retain(void)
{
	struct bh_store *s = open_store(true);
	uint64_t gone = 0;
	double since = cpu();

	check(bh_store_begin(s, 0), "begin");
	check(bh_store_retain(s, START + 45 * DAY, &gone), "retain");
	check(bh_store_commit(s), "commit");
	bh_store_free(s);
	printf("%-44s %8.2f CPU s  %8llu gone\n", "retain half", cpu() - since,
		(unsigned long long)gone);
}

static void with_pseudonyms(void)
{
	struct bh_pseudonyms *p = NULL;
	const char *why = "";

	unlink(key);
	check(bh_pseudonyms_make(key), "key");
	check(bh_pseudonyms_open(key, &p, &why), why);
	drop();
	load("load with pseudonyms, one batch", n_rows, p);
	bh_pseudonyms_free(p);
	unlink(key);
}

int main(int argc, char **argv)
{
	char folder[256] = "/tmp";

	if (argc > 1)
		n_rows = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		snprintf(folder, sizeof folder, "%s", argv[2]);
	if (!n_rows) {
		fprintf(stderr, "usage: bench-store [ROWS [FOLDER]]\n");
		return 2;
	}
	snprintf(path, sizeof path, "%s/bench-store-%d.db", folder, (int)getpid());
	snprintf(key, sizeof key, "%s.key", path);
	printf("%llu distinct conversations\n", (unsigned long long)n_rows);
	load("load, one batch", n_rows, NULL);
	filters();
	aggregate();
	update("live: all again, batches of 1,000", 1000);
	update("live: all again, batches of 100,000", 100000);
	retain();
	drop();
	load("live: all new, batches of 1,000", 1000, NULL);
	drop();
	load("live: all new, batches of 100,000", 100000, NULL);
	with_pseudonyms();
	drop();
	return 0;
}
