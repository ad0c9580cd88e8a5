/*
 * plan: what planning costs in a large network.
 *
 * usage: bench-plan [PAIRS=1000000 [HOSTS=100000 [PREFIXES=100000]]]
 *
 * One host in fifty is a server; every client uses the domain controllers, the servers of
 * its department and some others.  The policy has a rule for each of forty departments
 * and one for the domain controllers; its sets hold so many prefixes that do not touch,
 * most of them of nobody who was seen.  Printed for each step: CPU seconds (user and
 * system) and the memory that it took.  Nothing is asserted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "plan/plan.h"

enum { DEPARTMENTS = 40, CONTROLLERS = 4, USERS = 50000 };

static uint64_t seed = 20261129;

static uint32_t pick(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

static double cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double since;
static size_t memory;

static void begin(const struct bh_arena *a)
{
	since = cpu();
	memory = a->total;
}

static void end(const struct bh_arena *a, const char *what)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	printf("%-44s %7.2f s CPU %8.1f MB  (peak %ld MB)\n", what, cpu() - since,
		(double)(a->total - memory) / 1e6, u.ru_maxrss / 1024);
}

static void check(int r, const char *what)
{
	if (!r)
		return;
	fprintf(stderr, "bench-plan: %s: %s\n", what, strerrordesc_np(-r));
	exit(4);
}

static struct bh_addr client(uint32_t n)
{
	return bh_addr_v4(0x0a400000u + n * 4);
}

static struct bh_addr server(uint32_t n)
{
	return bh_addr_v4(0x0a080000u + n * 2);
}

static char users[USERS][16];

static void fill(struct bh_row *r, uint32_t c, uint32_t s, const char *share)
{
	bh_talk_init(&r->who);
	r->who.client = client(c);
	r->who.server = server(s);
	r->who.port = 445;
	r->who.outcome = BH_ANSWERED;
	r->who.dialect = BH_DIALECT_311;
	r->who.is_signed = 1;
	r->who.known =
		BH_KNOWN_AUTH_STATUS | BH_KNOWN_SHARE | BH_KNOWN_SHARE_STATUS | BH_KNOWN_USER;
	r->who.share = share;
	r->who.user = users[c % USERS];
	r->figures = (struct bh_figures){ 1 + pick(50), 1000, 2000, BH_SECOND, 2 * BH_SECOND };
}

static void make_rows(struct bh_row *rows, size_t n, uint32_t clients, uint32_t servers)
{
	uint32_t each = servers / DEPARTMENTS;

	for (size_t i = 0; i < USERS; i++)
		snprintf(users[i], sizeof users[i], "user%zu", i);
	for (size_t i = 0; i < n; i++) {
		uint32_t c = (uint32_t)(i % clients), turn = (uint32_t)(i / clients);
		uint32_t own = CONTROLLERS + c % DEPARTMENTS * each + (turn * 7 + c / 97) % each;
		if (turn < 2)
			fill(&rows[i], c, (c + turn) % CONTROLLERS, "\\\\dc\\SYSVOL");
		else if (turn < 8)
			fill(&rows[i], c, own % servers, "\\\\fs\\home");
		else
			fill(&rows[i], c, CONTROLLERS + pick(servers - CONTROLLERS),
				"\\\\fs\\data");
	}
}

static void make_policy(struct bh_buf *b, uint32_t clients, uint32_t servers, uint32_t prefixes)
{
	uint32_t each = servers / DEPARTMENTS, most = prefixes / DEPARTMENTS;
	char text[BH_ADDR_TEXT];

	bh_buf_str(b, "hosts dcs 10.8.0.0, 10.8.0.2, 10.8.0.4, 10.8.0.6\n");
	for (uint32_t d = 0; d < DEPARTMENTS; d++) {
		bh_buf_printf(b, "hosts files-%u ", d);
		for (uint32_t i = 0; i < each; i++) {
			struct bh_addr a = server(CONTROLLERS + d * each + i);
			bh_buf_printf(b, "%s%s", i ? ", " : "", bh_addr_format(&a, text));
		}
		bh_buf_printf(b, "\nnetwork clients-%u ", d);
		/* Its own clients, then addresses that nobody was seen at. */
		for (uint32_t i = 0; i < most; i++) {
			uint32_t c = d + i * DEPARTMENTS;
			struct bh_addr a =
				c < clients ? client(c) : bh_addr_v4(0x0b000000u + c * 4);
			bh_buf_printf(b, "%s%s/31", i ? ", " : "", bh_addr_format(&a, text));
		}
		bh_buf_printf(b, "\n");
	}
	bh_buf_str(b, "default block all-smb\n");
	for (uint32_t d = 0; d < DEPARTMENTS; d++)
		bh_buf_printf(b, "allow smb from clients-%u to files-%u, dcs\n", d, d);
	bh_buf_str(b, "allow smb from files-0 to dcs\n");
}

static void suggest(const struct bh_row *rows, size_t n, unsigned budget, const char *what)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF text = { 0 };
	struct bh_suggest_options o = { .now = 3 * BH_SECOND, .budget = budget };
	struct bh_suggestion s;

	begin(&a);
	check(bh_plan_suggest(rows, n, &o, &a, &s), "suggest");
	end(&a, what);
	printf("    %zu rules, %llu pairs needed, surface %llu\n", s.n_rules,
		(unsigned long long)s.needed, (unsigned long long)s.surface);
	if (budget)
		return;
	begin(&a);
	bh_plan_suggest_print(&s, &text);
	end(&a, "printing it");
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
	uint32_t hosts = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 100000;
	uint32_t prefixes = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 100000;
	uint32_t servers = hosts / 50, clients = hosts - servers;
	static const uint8_t hash[BH_HASH];
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF text = { 0 };
	struct bh_diags d = { .arena = &a };
	struct bh_names names = { 0 };
	const struct bh_policy *p;
	const struct bh_bound *b;
	struct bh_view gw;
	struct bh_table table;
	struct bh_impact im;
	struct bh_surface s;
	struct bh_row *rows = calloc(n, sizeof *rows);

	if (!rows || servers < 2 * DEPARTMENTS)
		return 2;
	make_rows(rows, n, clients, servers);
	make_policy(&text, clients, servers, prefixes);
	printf("%u hosts, %zu pairs, %u prefixes; a row is %zu bytes\n", hosts, n, prefixes,
		sizeof *rows);
	begin(&a);
	check(bh_policy_parse("p", bh_span_of(text.ptr, text.len), &a, &d, &p), "parse");
	check(bh_policy_bind(p, &names, &a, &d, &b), "bind");
	if (d.errors)
		return 3;
	end(&a, "parse and bind");
	begin(&a);
	check(bh_policy_view_gateway(b, &a, &gw), "view");
	check(bh_plan_table(b, &gw, NULL, 0, false, hash, &a, &table), "table");
	end(&a, "the table");
	struct bh_point point = { .view = &gw };
	struct bh_scene_of of = {
		.bound = b, .points = &point, .n_points = 1, .rows = rows, .n = n
	};
	struct bh_scene *scene;
	begin(&a);
	check(bh_plan_scene(&of, &a, &scene), "scene");
	end(&a, "pairs and hosts");
	begin(&a);
	check(bh_plan_impact(scene, &a, &im), "impact");
	end(&a, "the impact");
	printf("    %llu go on, %zu lines of what breaks\n", (unsigned long long)im.kept, im.n);
	begin(&a);
	check(bh_plan_surface(scene, &table, &a, &s), "surface");
	end(&a, "surface and reach");
	printf("    pairs %llu to %llu, reach %llu to %llu, at most %llu\n",
		(unsigned long long)s.pairs, (unsigned long long)bh_surface_open(&s),
		(unsigned long long)s.reach_before.median, (unsigned long long)s.reach.median,
		(unsigned long long)s.reach.most);
	suggest(rows, n, 0, "suggest");
	suggest(rows, n, 20, "suggest --budget 20");
	free(rows);
	return 0;
}
