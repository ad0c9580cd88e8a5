/* report: gathers what was seen, and gives it in one form. */
#include "cli/report.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/csv.h"
#include "cli/effects.h"
#include "cli/said.h"

enum { OPT_HTML = BH_FILTER_IDS, HEAVIEST = 20 };

/* ---- words ---- */

const char *bh_report_name(const struct bh_host_row *h)
{
	return h->name ? h->name : h->workstation;
}

const char *bh_report_place(const struct bh_host_row *h, char text[BH_ADDR_TEXT])
{
	if (!h->addr.family)
		return bh_report_name(h) ? bh_report_name(h) : "-";
	return bh_addr_format(&h->addr, text);
}

void bh_report_roles(const struct bh_host_row *h, struct bh_buf *b)
{
	bool first = true;

	for (unsigned i = 0; i < BH_HOST_ROLES; i++) {
		if (!(h->roles >> i & 1))
			continue;
		bh_buf_printf(b, "%s%s", first ? "" : ", ", bh_host_role_names[i]);
		first = false;
	}
}

void bh_report_from(const struct bh_endpoint *e, struct bh_buf *b)
{
	if (e->scope == BH_FROM_NOBODY) {
		bh_buf_str(b, "nobody");
		return;
	}
	if (e->scope == BH_FROM_ALL)
		bh_buf_str(b, "all clients: ");
	for (size_t i = 0; i < e->n_from; i++) {
		bh_buf_str(b, i ? ", " : "");
		bh_plan_remark(b, e->from[i], 80);
	}
	if (e->more_from)
		bh_buf_printf(b, " and %llu more", (unsigned long long)e->more_from);
}

void bh_report_purposes(uint32_t purposes, struct bh_buf *b)
{
	bool first = true;

	for (unsigned i = 1; i < BH_PURPOSES; i++) {
		if (!(purposes >> i & 1))
			continue;
		bh_buf_printf(b, "%s%s", first ? "" : ", ", bh_purpose_names[i]);
		first = false;
	}
	if (first)
		bh_buf_str(b, purposes ? "not known" : "-");
}

bool bh_report_used(const struct bh_share_row *s)
{
	return s->connections > s->denied;
}

/* ---- gathering ---- */

static void sum_up(struct bh_report *r)
{
	for (size_t i = 0; i < r->inv.n; i++) {
		const struct bh_figures *f = &r->inv.rows[i].figures;
		if (f->first_seen && (!r->first_seen || f->first_seen < r->first_seen))
			r->first_seen = f->first_seen;
		if (f->last_seen > r->last_seen)
			r->last_seen = f->last_seen;
		r->connections += f->connections;
	}
	for (size_t i = 0; i < r->n_findings; i++)
		r->grades[r->findings[i].grade]++;
	while (r->n_servers < r->n_endpoints && r->endpoints[r->n_servers].server)
		r->n_servers++;
}

/* Told by the evidence for their roles, so that the surface calls nobody a workstation
 * whom the rest of the report calls a server. */
static struct bh_addrset servers_of(const struct bh_report *r, struct bh_arena *a)
{
	struct bh_range *v4 = bh_arena_array(a, r->n_hosts + 1, sizeof *v4);
	struct bh_range *v6 = bh_arena_array(a, r->n_hosts + 1, sizeof *v6);
	size_t n4 = 0, n6 = 0;

	for (size_t i = 0; v4 && v6 && i < r->n_hosts; i++) {
		const struct bh_host_row *h = &r->hosts[i];
		const struct bh_range one = { h->addr.num, h->addr.num };
		if (!(h->roles & ~(1u << BH_HOST_WORKSTATION | 1u << BH_HOST_SCANNER |
					 1u << BH_HOST_INTERNET)))
			continue;
		if (h->addr.family == BH_V4)
			v4[n4++] = one;
		else if (h->addr.family == BH_V6)
			v6[n6++] = one;
	}
	return (struct bh_addrset){ bh_ranges_from(a, v4, n4), bh_ranges_from(a, v6, n6) };
}

static int find_surface(const struct bh_cli *cli, struct bh_arena *a, struct bh_report *r)
{
	struct bh_cli_inventory inv = r->inv;
	struct bh_cli quiet = *cli;
	const struct bh_addrset servers = servers_of(r, a);
	struct bh_told told = { .servers = &servers };

	/* Machines without an address stand in the report, if not in the surface. */
	quiet.quiet = true;
	int failed = bh_cli_inventory_addressed(&quiet, a, &inv);
	if (failed)
		return failed;
	bh_cli_links(a, &told);
	const struct bh_scene_of of = { .told = &told, .rows = inv.rows, .n = inv.n };
	struct bh_scene *scene;
	failed = bh_plan_scene(&of, a, &scene);
	return failed ? failed : bh_plan_surface(scene, NULL, a, &r->surface);
}

static int by_use(const void *a, const void *b)
{
	const struct bh_host_row *x = *(const struct bh_host_row *const *)a;
	const struct bh_host_row *y = *(const struct bh_host_row *const *)b;

	if (x->used != y->used)
		return x->used > y->used ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int find_heaviest(struct bh_arena *a, struct bh_report *r)
{
	const struct bh_host_row **v = bh_arena_array(a, r->n_hosts + 1, sizeof *v);
	size_t n = 0;

	for (size_t i = 0; v && i < r->n_hosts; i++) {
		if (r->hosts[i].used && r->hosts[i].servers)
			v[n++] = &r->hosts[i];
	}
	if (!v)
		return -ENOMEM;
	qsort(v, n, sizeof *v, by_use);
	r->heaviest = v;
	r->n_heaviest = bh_min_size(n, HEAVIEST);
	return 0;
}

static int gather(struct bh_cli *cli, struct bh_arena *a, struct bh_report *r)
{
	const struct bh_cli_inventory *inv = &r->inv;
	int failed = bh_filter_inventory(cli, &r->window, a, &r->inv);

	if (failed)
		return failed;
	r->now = bh_said_now();
	if (bh_inventory_hosts(inv->rows, inv->n, &inv->w, a, &r->hosts, &r->n_hosts) ||
		bh_inventory_shares(inv->rows, inv->n, a, &r->shares, &r->n_shares) ||
		bh_inventory_findings(inv->rows, inv->n, r->hosts, r->n_hosts, &inv->w, a,
			&r->findings, &r->n_findings) ||
		bh_inventory_checklist(inv->rows, inv->n, inv->purposes, r->hosts, r->n_hosts,
			&inv->w, a, &r->endpoints, &r->n_endpoints) ||
		find_heaviest(a, r) || find_surface(cli, a, r))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	sum_up(r);
	return 0;
}

/* ---- giving ---- */

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* Names beside shares are personal data: not for everybody to read. */
static int write_page(const struct bh_cli *cli, const char *path, const struct bh_buf *b)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	if (fd < 0)
		return bh_cli_fail(
			cli, BH_EXIT_SYSTEM, "cannot write %s: %s", path, strerror(errno));
	int r = write_all(fd, bh_buf_text(b), b->len);
	if (close(fd) && !r)
		r = -errno;
	if (r)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "cannot write %s: %s", path, strerror(-r));
	return 0;
}

static int give_page(
	const struct bh_cli *cli, const char *path, const struct bh_report *r, struct bh_arena *a)
{
	BH_AUTO_BUF b = { 0 };

	bh_report_html(r, a, &b);
	if (!bh_buf_ok(&b) || !bh_arena_ok(a))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	if (!strcmp(path, "-")) {
		fwrite(b.ptr, 1, b.len, stdout);
		return bh_cli_flush(cli);
	}
	return write_page(cli, path, &b);
}

static int give_csv(const struct bh_cli *cli, const struct bh_report *r)
{
	for (size_t i = 0; i < r->n_endpoints; i++) {
		json_t *o = bh_report_endpoint(&r->endpoints[i], true);
		BH_AUTO_BUF b = { 0 };
		if (i == 0)
			bh_cli_csv(o, true, &b);
		bh_cli_csv(o, false, &b);
		json_decref(o);
		if (!bh_buf_ok(&b))
			return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
		fputs(bh_buf_text(&b), stdout);
	}
	return bh_cli_flush(cli);
}

/* ---- the command ---- */

static int run(struct bh_cli *cli)
{
	BH_AUTO_ARENA a = { 0 };
	struct bh_report r = { 0 };
	const char *html = NULL;
	int failed = 0;

	for (int id; !failed && (id = bh_cli_next(cli)) >= 0;) {
		if (id == OPT_HTML)
			html = cli->value;
		else
			failed = bh_filter_take(cli, &r.window, id);
	}
	if (!failed && cli->json + r.window.csv + (html && !strcmp(html, "-")) > 1)
		failed = bh_cli_usage(
			cli, "standard output takes one of --html -, --json and --csv");
	if (!failed)
		failed = gather(cli, &a, &r);
	if (!failed && html)
		failed = give_page(cli, html, &r, &a);
	if (failed)
		return failed;
	if (r.window.csv)
		return give_csv(cli, &r);
	if (cli->json)
		return bh_report_json(cli, &r);
	if (html) {
		if (!cli->quiet && strcmp(html, "-"))
			printf("wrote %s\n", html);
		return bh_cli_flush(cli);
	}
	bh_report_text(&r);
	return bh_cli_flush(cli);
}

static const struct bh_option options[] = {
	{ "html", 0, "FILE", "one page that needs nothing else, for a browser or a printer",
		OPT_HTML },
	BH_WINDOW_OPTIONS,
	{ "csv", 0, NULL, "the machines and their answers, as RFC 4180 has them", BH_FILTER_CSV },
	{ 0 },
};

/* clang-format off */
const struct bh_command bh_cmd_report = {
	.name = "report",
	.args = "[options]",
	.summary = "who needs SMB, answered for every machine",
	.about = "The checklist of \"Secure SMB Traffic in Windows Server\", from what was seen: which\n"
		 "machines require inbound SMB to do their role, from all clients, certain networks or\n"
		 "certain nodes; where it is necessary, and where the server service can be off; which\n"
		 "shares are used, and by whom; what is unsafe.  --json is described by\n"
		 "doc/report.schema.json.",
	.options = options,
	.run = run,
};
