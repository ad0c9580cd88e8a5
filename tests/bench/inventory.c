/*
 * inventory: what a large inventory costs to understand.
 *
 * usage: bench-inventory make DB ROWS capture|log|both [EACH=50]
 *        bench-inventory DB
 *
 * The first writes a database of so many rows: a client for each fifty of them, a server
 * for each two thousand (at least fifty), each client with a user at shares of several of
 * them; half of the logons by Kerberos, whose user no capture sees.  "both": a capture and
 * the servers' event logs tell of the same, and one conversation in ten is seen by one
 * alone.  The log calls servers by name and knows no dialect.
 *
 * The second reads it and asks every question: CPU seconds (user and system) of each, and
 * how much memory the process held at most while it was answered.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "inventory/inventory.h"
#include "model/pipe.h"
#include "store/store.h"

#define START ((bh_time)1700000000 * BH_SECOND)
#define DAY   (86400 * BH_SECOND)

static uint64_t n_rows, n_clients, n_servers, each = 50;

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(int r, const char *what)
{
	if (!r)
		return;
	fprintf(stderr, "bench-inventory: %s: %s\n", what, strerrordesc_np(-r));
	exit(4);
}

static uint64_t mix(uint64_t v)
{
	v = (v ^ v >> 31) * 0x7fb5d329728ea185u;
	v = (v ^ v >> 27) * 0x81dadef4bc2dd44du;
	return v ^ v >> 33;
}

/* ---- a world ---- */

/* Conversation k: by client k / share, as both witnesses have it. */
static void fill(uint64_t k, struct bh_conversation *c, struct bh_figures *f)
{
	uint64_t client = k % n_clients, nth = k / n_clients, luck = mix(k);
	uint64_t server = (client * 7 + nth / 3 * 13) % n_servers;

	bh_conversation_init(c);
	c->client = bh_addr_v4(0x0a800000 + (uint32_t)client);
	c->port = 445;
	c->outcome = BH_ANSWERED;
	c->known = BH_KNOWN_SHARE | BH_KNOWN_SERVER_NAME;
	snprintf(c->server_name, sizeof c->server_name, "fs%03u.corp.example", (unsigned)server);
	snprintf(c->share, sizeof c->share, "\\\\*\\%s%u", nth % 3 ? "department-" : "IPC$",
		(unsigned)nth);
	if (nth % 3 == 0)
		strcpy(c->share, "\\\\*\\IPC$");
	c->server = bh_addr_v4(0x0a0a0000 + (uint32_t)server);
	f->connections = 1 + luck % 200;
	f->opens = luck % 1000;
	f->pipes = nth % 3 == 0 ? 1u << BH_PIPE_SRVSVC : 0;
	f->first_seen = START + (bh_time)(luck % (uint64_t)(60 * DAY));
	f->last_seen = f->first_seen + (bh_time)(mix(luck) % (uint64_t)(30 * DAY));
}

static void fill_user(uint64_t k, struct bh_conversation *c)
{
	uint64_t client = k % n_clients;

	c->known |= BH_KNOWN_USER | BH_KNOWN_DOMAIN;
	snprintf(c->user, sizeof c->user, "%s.%05u", client % 3 ? "walter" : "alexandra",
		(unsigned)client);
	strcpy(c->domain, "CORP");
}

static struct bh_figures captured(uint64_t k, struct bh_conversation *c)
{
	struct bh_figures f = { 0 };
	bool ntlm = k % n_clients % 2;

	fill(k, c, &f);
	char share[64], server[64];
	snprintf(share, sizeof share, "%.60s", bh_share_name(c->share));
	snprintf(server, sizeof server, "%.60s", c->server_name);
	snprintf(c->share, sizeof c->share, "\\\\%s\\%s", server, share);
	if (ntlm)
		fill_user(k, c);
	else
		snprintf(c->service, sizeof c->service, "cifs/%s", server);
	if (!ntlm)
		c->known |= BH_KNOWN_SERVICE;
	c->auth = ntlm ? BH_AUTH_NTLM : BH_AUTH_KERBEROS;
	c->ntlm = ntlm ? BH_NTLM_V2 : BH_NTLM_UNKNOWN;
	c->known |= BH_KNOWN_AUTH_STATUS | BH_KNOWN_SHARE_STATUS;
	c->dialect = k % 10 ? BH_DIALECT_311 : BH_DIALECT_21;
	c->signing_server = c->signing_client = BH_SIGNING_ENABLED;
	c->cipher = BH_CIPHER_AES128_GCM;
	c->signing_algorithm = BH_SIGN_AES_CMAC;
	c->complete = 1;
	c->guest = c->encrypted = c->smb1_offered = 0;
	c->is_signed = 1;
	f.bytes_to_server = (mix(k) >> 20) % 3000000;
	f.bytes_to_client = (mix(k) >> 30) % 30000000;
	return f;
}

static struct bh_figures logged(uint64_t k, struct bh_conversation *c)
{
	struct bh_figures f = { 0 };

	fill(k, c, &f);
	fill_user(k, c);
	c->server = (struct bh_addr){ 0 };
	f.last_seen += 60 * BH_SECOND;
	return f;
}

enum world { CAPTURE, LOG, BOTH, WORLDS };
static const char *const worlds[WORLDS] = { "capture", "log", "both" };

static void put(struct bh_store *s, enum world by, uint64_t n)
{
	enum { BATCH = 256 };
	static struct bh_conversation who[BATCH];
	static struct bh_row v[BATCH];
	uint32_t id;
	size_t m = 0;

	check(bh_store_source(s, by == LOG ? "evtx:bench" : "live:bench",
		      by == LOG ? "Security.evtx" : "eth0", false, &id),
		"source");
	for (uint64_t i = 0; i < n; i++) {
		uint64_t k = i * 611953 % n; /* a prime, so that it visits all */
		if (n < n_rows && k % 20 == (by == LOG))
			continue; /* which the other one alone saw */
		v[m].figures = by == LOG ? logged(k, &who[m]) : captured(k, &who[m]);
		v[m].who = bh_talk_of(&who[m]);
		m++;
		if (m == BATCH) {
			check(bh_store_put(s, id, v, m), "put");
			m = 0;
		}
	}
	check(bh_store_put(s, id, v, m), "put");
}

static int make(const char *path, enum world world)
{
	struct bh_store *s;
	const char *why = "";

	n_clients = n_rows / each + 1;
	n_servers = n_rows / 2000 < 50 ? 50 : n_rows / 2000;
	int r = bh_store_open(path, true, true, &s, &why);
	check(r, why);
	check(bh_store_begin(s, 0), "begin");
	if (world != LOG)
		put(s, CAPTURE, world == BOTH ? n_rows / 2 : n_rows);
	if (world != CAPTURE)
		put(s, LOG, world == BOTH ? n_rows / 2 : n_rows);
	check(bh_store_commit(s), "commit");
	bh_store_free(s);
	return 0;
}

/* ---- questions ---- */

static double since;

static void begin(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "5", 1) != 1)
		fprintf(stderr, "the peak of memory cannot be forgotten\n");
	if (fd >= 0)
		close(fd);
	since = cpu();
}

static unsigned long peak(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	unsigned long kb = 0;

	while (f && fgets(line, sizeof line, f)) {
		if (sscanf(line, "VmHWM: %lu", &kb) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kb / 1024;
}

static void say(const char *what, size_t n)
{
	printf("  %-12s %8.2f CPU s  %6lu MB  %9zu\n", what, cpu() - since, peak(), n);
	fflush(stdout);
	begin();
}

static int ask(const char *path)
{
	BH_AUTO_ARENA a = { 0 };
	struct bh_store *s;
	const char *why = "";
	int r = bh_store_open(path, false, false, &s, &why);
	check(r, why);

	const struct bh_source_row *sources;
	const struct bh_row *rows;
	uint8_t kinds[16] = { 0 };
	struct bh_witnesses w = { .kinds = kinds, .seed = 42 };
	size_t n, m;
	check(bh_store_sources(s, &a, &sources, &m), "sources");
	for (size_t i = 0; i < m && sources[i].id < sizeof kinds; i++) {
		kinds[sources[i].id] = (uint8_t)bh_kind_of(sources[i].identity);
		w.n_kinds = sources[i].id + 1;
	}
	begin();
	check(bh_store_rows(s, NULL, &a, &rows, &n), "rows");
	bh_store_free(s);
	say("read", n);
	check(bh_inventory_unify(rows, n, &w, &a, &rows, &n), "unify");
	say("unify", n);

	const uint8_t *purposes;
	const struct bh_host_row *hosts;
	const struct bh_finding *findings;
	const struct bh_endpoint *ends;
	const struct bh_share_row *shares;
	size_t n_hosts;
	check(bh_inventory_purposes(rows, n, &a, &purposes), "purposes");
	say("purposes", n);
	check(bh_inventory_hosts(rows, n, &w, &a, &hosts, &n_hosts), "hosts");
	say("hosts", n_hosts);
	check(bh_inventory_findings(rows, n, hosts, n_hosts, &w, &a, &findings, &m), "findings");
	say("findings", m);
	check(bh_inventory_checklist(rows, n, purposes, hosts, n_hosts, &w, &a, &ends, &m),
		"checklist");
	say("checklist", m);
	check(bh_inventory_shares(rows, n, &a, &shares, &m), "shares");
	say("shares", m);
	return 0;
}

int main(int argc, char **argv)
{
	enum world world = 0;

	if (argc == 2)
		return ask(argv[1]);
	if ((argc == 5 || argc == 6) && !strcmp(argv[1], "make")) {
		each = argc == 6 ? strtoull(argv[5], NULL, 10) : each;
		n_rows = strtoull(argv[3], NULL, 10);
		while (world < WORLDS && strcmp(argv[4], worlds[world]))
			world++;
		if (n_rows && each && world < WORLDS)
			return make(argv[2], world);
	}
	fprintf(stderr, "usage: bench-inventory make DB ROWS capture|log|both [EACH]\n"
			"       bench-inventory DB\n");
	return 2;
}
