#include "cli/effects.h"

#include <stdlib.h>
#include <time.h>

#include "cli/inventory.h"
#include "cli/warnings.h"

enum { SHOWN = 40 };

static const char *const fate_names[BH_FATES] = { "breaks", "ends", "must-prove", "fails-today" };
static const char *const use_names[BH_USES] = { "works", "guest-or-anonymous", "smb1", "denied",
	"no-session", "unanswered" };

void bh_cli_links(struct bh_arena *a, struct bh_told *ret)
{
	struct bh_place here;

	if (bh_keeper_here(a, true, &here))
		return; /* nothing known of links is an answer too */
	ret->ifaces = here.ifaces;
	ret->n_ifaces = here.n_ifaces;
}

static bh_time now_is(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (bh_time)ts.tv_sec * BH_SECOND + ts.tv_nsec;
}

static json_t *count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *text(const char *s)
{
	return s ? json_string(s) : json_null();
}

static json_t *addr(const struct bh_addr *a)
{
	char t[BH_ADDR_TEXT];

	return json_string(bh_addr_format(a, t));
}

static json_t *reason_json(const struct bh_bound *b, const struct bh_impact_row *r)
{
	const struct bh_bound_rule *rule = r->reason.rule;
	BH_AUTO_BUF said = { 0 }, fix = { 0 };
	json_t *o = json_object();

	bh_plan_reason(r, &said);
	bool fixed = bh_plan_fix(b, r, &fix);
	json_object_set_new(o, "kind", json_string(bh_why_names[r->reason.why]));
	json_object_set_new(o, "text", json_string(bh_buf_text(&said)));
	json_object_set_new(o, "line", rule ? json_integer(rule->line) : json_null());
	json_object_set_new(o, "file", text(rule ? rule->file : NULL));
	json_object_set_new(o, "fix", text(fixed ? bh_buf_text(&fix) : NULL));
	return o;
}

static json_t *row_json(const struct bh_bound *b, const struct bh_impact_row *r, bh_time now)
{
	BH_AUTO_BUF sentence = { 0 }, when = { 0 };
	json_t *o = json_object();

	bh_plan_impact_sentence(r, now, &sentence);
	if (r->last_seen)
		bh_time_format(r->last_seen, &when);
	json_object_set_new(o, "fate", json_string(fate_names[r->fate]));
	json_object_set_new(o, "use", json_string(use_names[r->use]));
	json_object_set_new(o, "internet", json_boolean(r->internet));
	json_object_set_new(o, "lateral", json_boolean(r->lateral));
	json_object_set_new(o, "unsure", json_boolean(r->unsure));
	json_object_set_new(o, "client", addr(&r->client));
	json_object_set_new(o, "server", addr(&r->server));
	json_object_set_new(o, "proto", json_string(r->service.proto == BH_TCP ? "tcp" : "udp"));
	json_object_set_new(o, "port", json_integer(r->service.port));
	json_object_set_new(o, "user", text(r->user));
	json_object_set_new(o, "domain", text(r->domain));
	json_object_set_new(o, "share", text(r->share));
	json_object_set_new(o, "server_name", text(r->server_name));
	json_object_set_new(o, "connections", count(r->connections));
	json_object_set_new(o, "last_seen", text(when.len ? when.ptr : NULL));
	json_object_set_new(
		o, "line", r->decision.line ? json_integer(r->decision.line) : json_null());
	json_object_set_new(o, "file", text(r->decision.file));
	json_object_set_new(o, "reason", reason_json(b, r));
	json_object_set_new(o, "sentence", json_string(bh_buf_text(&sentence)));
	return o;
}

static json_t *impact_json(const struct bh_bound *b, const struct bh_impact *im, bh_time now)
{
	json_t *o = json_object(), *rows = json_array();

	for (size_t i = 0; i < im->n; i++)
		json_array_append_new(rows, row_json(b, &im->rows[i], now));
	json_object_set_new(o, "breaks", count(im->groups[BH_BREAKS]));
	json_object_set_new(o, "ends", count(im->groups[BH_ENDS]));
	json_object_set_new(o, "must_prove", count(im->groups[BH_MUST_PROVE]));
	json_object_set_new(o, "fails_today", count(im->groups[BH_FAILS_TODAY]));
	json_object_set_new(o, "kept", count(im->kept));
	json_object_set_new(o, "off_path", count(im->off_path));
	json_object_set_new(o, "rows", rows);
	return o;
}

/* From a workstation, one host after the other; null where there is no workstation. */
static json_t *reach_json(const struct bh_surface *s, bool policy)
{
	json_t *o = json_object();

	if (!s->stations) {
		json_decref(o);
		return json_null();
	}
	json_object_set_new(o, "workstations", count(s->stations));
	json_object_set_new(o, "median_before", count(s->reach_before.median));
	json_object_set_new(o, "most_before", count(s->reach_before.most));
	json_object_set_new(o, "median_after", policy ? count(s->reach.median) : json_null());
	json_object_set_new(o, "most_after", policy ? count(s->reach.most) : json_null());
	return o;
}

json_t *bh_cli_surface_json(const struct bh_surface *s, bool policy)
{
	json_t *o = json_object(), *lateral = json_object();

	json_object_set_new(o, "hosts", count(s->hosts));
	json_object_set_new(o, "pairs_before", count(s->pairs));
	json_object_set_new(o, "pairs_after", policy ? count(bh_surface_open(s)) : json_null());
	json_object_set_new(o, "pairs_judged", policy ? count(s->judged) : json_null());
	json_object_set_new(o, "pairs_used", count(s->used));
	json_object_set_new(o, "used_after", policy ? count(s->used_open) : json_null());
	json_object_set_new(lateral, "pairs_before", count(s->lateral));
	json_object_set_new(
		lateral, "pairs_after", policy ? count(bh_surface_lateral_open(s)) : json_null());
	json_object_set_new(
		lateral, "pairs_judged", policy ? count(s->lateral_judged) : json_null());
	json_object_set_new(lateral, "pairs_used", count(s->lateral_used));
	json_object_set_new(
		lateral, "used_after", policy ? count(s->lateral_used_open) : json_null());
	json_object_set_new(o, "workstation_to_workstation", lateral);
	json_object_set_new(o, "reach", reach_json(s, policy));
	return o;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void print_line(const char *what, uint64_t before, uint64_t after, uint64_t used,
	uint64_t used_after, bool policy)
{
	printf("  %-28s %10llu", what, (unsigned long long)before);
	if (policy)
		printf(" %10llu", (unsigned long long)after);
	printf(" %10llu", (unsigned long long)used);
	if (policy)
		printf(" %10llu", (unsigned long long)used_after);
	putchar('\n');
}

static void print_reach(const struct bh_surface *s, bool policy)
{
	const struct bh_reach *b = &s->reach_before, *now = &s->reach;

	if (!s->stations)
		return;
	printf("reach: hosts that a compromised workstation can walk to, one after the other\n");
	printf("  %-28s %10llu", "median", (unsigned long long)b->median);
	if (policy)
		printf(" %10llu", (unsigned long long)now->median);
	printf("\n  %-28s %10llu", "most", (unsigned long long)b->most);
	if (policy)
		printf(" %10llu", (unsigned long long)now->most);
	putchar('\n');
}

void bh_cli_surface_print(const struct bh_surface *s, const struct bh_point *point)
{
	uint64_t blind = s->pairs - s->judged;

	printf("surface: (client, server) pairs of %llu known host%s that can speak SMB\n",
		(unsigned long long)s->hosts, plural(s->hosts));
	if (point)
		printf("  %-28s %10s %10s %10s %10s\n", "", "before", "after", "in use",
			"use after");
	else
		printf("  %-28s %10s %10s\n", "", "possible", "in use");
	print_line("all", s->pairs, bh_surface_open(s), s->used, s->used_open, point);
	print_line("workstation to workstation", s->lateral, bh_surface_lateral_open(s),
		s->lateral_used, s->lateral_used_open, point);
	if (point && blind)
		printf("  %llu of them %s, and %s open as far as this machine is concerned\n",
			(unsigned long long)blind,
			point->view->gateway ? "lie within one segment of this gateway"
					     : "are pairs of other hosts",
			blind == 1 ? "stays" : "stay");
	print_reach(s, point);
}

static void print_fate(
	const struct bh_cli *cli, const struct bh_impact *im, enum bh_fate fate, bh_time now)
{
	size_t shown = 0;

	for (size_t i = 0; i < im->n; i++) {
		BH_AUTO_BUF b = { 0 };
		if (im->rows[i].fate != fate)
			continue;
		if (!cli->verbose && shown == SHOWN) {
			printf("  … and %zu more (-v shows them all)\n", im->groups[fate] - shown);
			return;
		}
		bh_buf_str(&b, "  ");
		bh_plan_impact_sentence(&im->rows[i], now, &b);
		bh_buf_str(&b, "\n      ");
		bh_plan_reason(&im->rows[i], &b);
		printf("%s\n", bh_buf_text(&b));
		shown++;
	}
}

static void print_impact(
	const struct bh_cli *cli, const struct bh_impact *im, const struct bh_point *p, bh_time now)
{
	size_t breaks = im->groups[BH_BREAKS], ends = im->groups[BH_ENDS];
	size_t prove = im->groups[BH_MUST_PROVE], fails = im->groups[BH_FAILS_TODAY];

	printf("impact: ");
	if (breaks)
		printf("%zu use%s of SMB would break\n", breaks, plural(breaks));
	else
		printf("nothing in use would break\n");
	print_fate(cli, im, BH_BREAKS, now);
	if (ends)
		printf("  %zu use%s with the Internet or of a workstation would end\n", ends,
			plural(ends));
	print_fate(cli, im, BH_ENDS, now);
	if (prove)
		printf("  %zu use%s must prove an identity by IPsec from then on\n", prove,
			plural(prove));
	print_fate(cli, im, BH_MUST_PROVE, now);
	if (fails && cli->verbose)
		print_fate(cli, im, BH_FAILS_TODAY, now);
	else if (fails)
		printf("  %zu already fail%s today (-v shows them)\n", fails,
			fails == 1 ? "s" : "");
	printf("  %llu pair%s of client and server go%s on\n", (unsigned long long)im->kept,
		plural(im->kept), im->kept == 1 ? "es" : "");
	if (im->off_path)
		printf("  %llu pair%s not judged: not on this %s path as far as known\n",
			(unsigned long long)im->off_path, plural(im->off_path),
			p->view->gateway ? "gateway's" : "host's");
}

static int say(struct bh_cli *cli, json_t *doc, const struct bh_ready *r,
	const struct bh_cli_inventory *inv, struct bh_arena *a)
{
	struct bh_point point = { .view = &r->view,
		.ifaces = r->place.ifaces,
		.n_ifaces = r->place.n_ifaces,
		.forwards = r->place.forwards };
	struct bh_impact im;
	struct bh_surface s;
	struct bh_scene *scene;
	const struct bh_warning *warnings;
	size_t n_warnings;
	struct bh_told told = { .names = inv->w.names, .n_names = inv->w.n_names };
	bh_time now = now_is();

	bh_cli_links(a, &told);
	const struct bh_scene_of of = { .bound = r->bound,
		.points = &point,
		.n_points = 1,
		.told = &told,
		.rows = inv->rows,
		.n = inv->n,
		.purposes = inv->purposes };
	if (bh_plan_scene(&of, a, &scene) || bh_plan_impact(scene, a, &im) ||
		bh_plan_surface(scene, &r->table, a, &s) ||
		bh_plan_warnings(scene, a, &warnings, &n_warnings))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	if (doc) {
		json_object_set_new(doc, "impact", impact_json(r->bound, &im, now));
		json_object_set_new(doc, "surface", bh_cli_surface_json(&s, true));
		json_object_set_new(doc, "warnings", bh_cli_warnings_json(warnings, n_warnings));
	} else {
		putchar('\n');
		print_impact(cli, &im, &point, now);
		bh_cli_warnings_print(cli, warnings, n_warnings);
		putchar('\n');
		bh_cli_surface_print(&s, &point);
	}
	return im.groups[BH_BREAKS] ? BH_EXIT_NO : BH_EXIT_OK;
}

int bh_cli_effects(struct bh_cli *cli, const struct bh_ready *r, struct bh_arena *a, json_t *doc)
{
	BH_AUTO_BUF path = { 0 };
	struct bh_cli_inventory inv;
	bool missing;
	int status = bh_cli_inventory(cli, NULL, a, &inv, &missing, &path);

	if (!status)
		status = bh_cli_inventory_addressed(cli, a, &inv);
	if (status)
		return status;
	if (inv.n)
		return say(cli, doc, r, &inv, a);
	if (doc) {
		json_object_set_new(doc, "impact", json_null());
		json_object_set_new(doc, "surface", json_null());
		json_object_set_new(doc, "warnings", json_null());
	} else {
		printf("\nimpact: not known, %s %s\n",
			missing ? "there is no inventory at" : "nothing was seen yet in",
			bh_buf_text(&path));
	}
	return BH_EXIT_OK;
}
