/* The report as one page: readable by a manager, complete enough for an engineer. */
#include <stdlib.h>

#include "cli/report.h"
#include "cli/said.h"

/* Lines of one table; the rest is in --json. */
#define MOST_LINES 400

static const char style[] =
	":root{color-scheme:light dark;--ink:#1b1f24;--soft:#59636e;--line:#d5dae0;--paper:#fff;"
	"--tint:#f4f6f8;--gpo:#3b6fb6;--file:#2f8f5b;--print:#8a6d1a;--admin:#c2410c;"
	"--cluster:#7c4dbd;--backup:#0f8a8a;--discovery:#a04879;--unknown:#8b949e;"
	"--critical:#a30d2d;--high:#c2410c;--medium:#8a6d1a;--low:#3b6fb6;--info:#6b7680}\n"
	"@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4af;--line:#363c44;"
	"--paper:#14181d;--tint:#1d2229;--gpo:#7aa7e8;--file:#5fc48d;--print:#d3b04a;"
	"--admin:#f08a54;--cluster:#b796ea;--backup:#4fc4c4;--discovery:#e08bb8;--unknown:#8b949e;"
	"--critical:#ff7b90;--high:#f08a54;--medium:#d3b04a;--low:#7aa7e8;--info:#9aa4af}}\n"
	"*{box-sizing:border-box}body{margin:0 auto;max-width:70rem;padding:2rem 1.5rem 4rem;"
	"font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}\n"
	"h1{font-size:2rem;margin:0}h2{font-size:1.3rem;margin:2.5rem 0 .6rem;"
	"border-bottom:2px solid var(--line);padding-bottom:.2rem}.soft,small{color:var(--soft)}"
	"p{margin:.4rem 0}\n"
	".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.8rem;"
	"margin:1.5rem 0}.tile{background:var(--tint);border-radius:.5rem;padding:.8rem 1rem}"
	".tile b{display:block;font-size:1.7rem;line-height:1.2}\n"
	"table{border-collapse:collapse;width:100%;font-size:.88rem}th{text-align:left;"
	"color:var(--soft);font-weight:600;overflow-wrap:normal}th,td{padding:.35rem .6rem .35rem 0;"
	"border-bottom:1px solid var(--line);vertical-align:top}td{overflow-wrap:break-word}"
	"td.w{overflow-wrap:anywhere;min-width:9rem}td.n,th.n{text-align:right;white-space:nowrap}"
	"td.t{white-space:nowrap}td.r{min-width:10rem}.lead{font-size:1.1rem;margin:1rem 0 0;max-width:60rem}\n"
	".scroll{overflow-x:auto}.pill{display:inline-block;border:1px solid currentColor;"
	"border-radius:1rem;padding:0 .55rem;font-size:.78rem;font-weight:600;white-space:nowrap}"
	".critical{color:var(--critical)}.high{color:var(--high)}.medium{color:var(--medium)}"
	".low{color:var(--low)}.info{color:var(--info)}.yes{color:var(--high)}.role{color:var(--ink)}"
	".no{color:var(--file)}\n"
	"ol.qa>li{margin:.5rem 0}ol.qa b{display:block}ul.first{list-style:none;padding:0}"
	"ul.first li{margin:.35rem 0}\n"
	"svg{width:100%;height:auto;font-size:13px}svg text{fill:var(--ink)}"
	"svg circle{fill:var(--soft)}svg path{fill:none;opacity:.6}"
	".p-gpo{stroke:var(--gpo)}.p-file{stroke:var(--file)}.p-print{stroke:var(--print)}"
	".p-admin{stroke:var(--admin)}.p-cluster{stroke:var(--cluster)}"
	".p-backup{stroke:var(--backup)}.p-discovery{stroke:var(--discovery)}"
	".p-unknown{stroke:var(--unknown)}.bar{fill:var(--line)}.used{fill:var(--file)}"
	".lateral{fill:var(--admin)}\n"
	"@media print{:root{--ink:#000;--soft:#444;--line:#bbb;--paper:#fff;--tint:#f2f2f2}"
	"body{max-width:none;padding:0;font-size:11px}h2{break-after:avoid}"
	"tr,li,.tile,svg{break-inside:avoid}thead{display:table-header-group}}\n";

void bh_report_escape(const char *text, struct bh_buf *b)
{
	for (; *text; text++) {
		switch (*text) {
		case '&': bh_buf_str(b, "&amp;"); break;
		case '<': bh_buf_str(b, "&lt;"); break;
		case '>': bh_buf_str(b, "&gt;"); break;
		case '"': bh_buf_str(b, "&quot;"); break;
		case '\'': bh_buf_str(b, "&#39;"); break;
		default: bh_buf_add(b, text, 1); break;
		}
	}
}

/* Text from the wire, at most so many characters. */
void bh_report_wire(const char *text, size_t most, struct bh_buf *b)
{
	BH_AUTO_BUF safe = { 0 };

	bh_plan_remark(&safe, text, most);
	bh_report_escape(bh_buf_text(&safe), b);
}

void bh_report_number(uint64_t n, struct bh_buf *b)
{
	BH_AUTO_BUF text = { 0 };

	bh_said_count(n, "", "", &text);
	bh_buf_add(b, bh_buf_text(&text), text.len ? text.len - 1 : 0);
}

void bh_report_pill(uint8_t grade, struct bh_buf *b)
{
	bh_buf_printf(b, "<span class=\"pill %s\">%s</span>", bh_grade_names[grade],
		bh_grade_names[grade]);
}

static void when(bh_time t, struct bh_buf *b)
{
	BH_AUTO_BUF text = { 0 };

	if (!t) {
		bh_buf_str(b, "-");
		return;
	}
	bh_time_format(t - t % BH_SECOND, &text);
	bh_buf_add(b, bh_buf_text(&text), bh_min_size(text.len, 10));
	bh_buf_str(b, " ");
	if (text.len > 16)
		bh_buf_add(b, bh_buf_text(&text) + 11, 5);
}

static void machine(const struct bh_host_row *h, struct bh_buf *b)
{
	char text[BH_ADDR_TEXT];

	bh_report_wire(bh_report_place(h, text), 80, b);
	if (h->addr.family && bh_report_name(h)) {
		bh_buf_str(b, "<br><small>");
		bh_report_wire(bh_report_name(h), 60, b);
		bh_buf_str(b, "</small>");
	}
}

static void cell_count(uint64_t n, struct bh_buf *b)
{
	bh_buf_str(b, "<td class=\"n\">");
	bh_report_number(n, b);
	bh_buf_str(b, "</td>");
}

static void open_table(const char *const *titles, size_t n, uint32_t numbers, struct bh_buf *b)
{
	bh_buf_str(b, "<div class=\"scroll\"><table><thead><tr>");
	for (size_t i = 0; i < n; i++)
		bh_buf_printf(
			b, "<th%s>%s</th>", numbers >> i & 1 ? " class=\"n\"" : "", titles[i]);
	bh_buf_str(b, "</tr></thead><tbody>\n");
}

static void close_table(size_t all, struct bh_buf *b)
{
	bh_buf_str(b, "</tbody></table></div>\n");
	if (all > MOST_LINES) {
		bh_buf_str(b, "<p class=\"soft\">And ");
		bh_report_number(all - MOST_LINES, b);
		bh_buf_str(b, " more, which <code>bulkhead report --json</code> has.</p>\n");
	}
}

#define TABLE(titles, numbers, b) open_table(titles, BH_LEN(titles), numbers, b)

/* ---- the head ---- */

static void tile(uint64_t n, const char *what, struct bh_buf *b)
{
	bh_buf_str(b, "<div class=\"tile\"><b>");
	bh_report_number(n, b);
	bh_buf_printf(b, "</b>%s</div>\n", what);
}

static size_t shares_used(const struct bh_report *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_shares; i++)
		n += bh_report_used(&r->shares[i]);
	return n;
}

static void head(const struct bh_report *r, struct bh_buf *b)
{
	bh_buf_printf(b,
		"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
		"<meta name=\"referrer\" content=\"no-referrer\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src 'unsafe-inline'\">\n<title>Who needs SMB?</title>\n<style>%s</style>"
		"</head><body>\n<header><h1>Who needs SMB?</h1>\n<p class=\"soft\">",
		style);
	if (r->first_seen) {
		bh_buf_str(b, "Seen from ");
		when(r->first_seen, b);
		bh_buf_str(b, " to ");
		when(r->last_seen, b);
		bh_buf_str(b, " UTC, by ");
	} else {
		bh_buf_str(b, "Nothing was seen by ");
	}
	bh_said_count(r->inv.n_sources, "source", "sources", b);
	bh_buf_str(b, ". Made ");
	when(r->now, b);
	bh_buf_str(b, " UTC by bulkhead " BH_VERSION ".");
	if (r->inv.hidden)
		bh_buf_str(b, " Users and workstations stand under pseudonyms (~).");
	bh_buf_str(b, "</p></header>\n");
	bh_report_in_short(r, b);
	bh_buf_str(b, "<div class=\"tiles\">\n");
	tile(r->n_servers, "servers", b);
	tile(r->n_endpoints - r->n_servers, "clients", b);
	tile(shares_used(r), "shares in use", b);
	tile(r->inv.n, "conversations", b);
	tile(r->grades[BH_GRADE_CRITICAL] + r->grades[BH_GRADE_HIGH], "grave findings", b);
	bh_buf_str(b, "</div>\n");
}

/* ---- endpoints ---- */

static void needs_cell(const struct bh_endpoint *e, struct bh_buf *b)
{
	bool first = true;

	for (size_t i = 0; i < bh_needs_n; i++) {
		if (!(e->needs >> i & 1))
			continue;
		bh_buf_str(b, first ? "<br><small>" : ", ");
		bh_report_escape(bh_needs[i].feature, b);
		first = false;
	}
	if (!first)
		bh_buf_str(b, "</small>");
}

/* What a role needs is nothing to mend. */
static void answer(uint8_t a, bool by_role, struct bh_buf *b)
{
	const char *word = bh_answer_names[a];

	bh_buf_printf(b, "<td><b class=\"%s\">%s</b></td>",
		!word                           ? "soft"
		: by_role && a == BH_ANSWER_YES ? "role"
						: word,
		word ? word : "not known");
}

static void roles_cell(const struct bh_host_row *h, struct bh_buf *b)
{
	bh_buf_str(b, "<td class=\"r\">");
	bh_report_roles(h, b);
	for (size_t i = 0; i < h->n_evidence; i++) {
		bh_buf_str(b, i ? "; " : "<br><small>");
		bh_report_wire(h->evidence[i].text, 120, b);
	}
	bh_buf_str(b, h->n_evidence ? "</small></td>" : "</td>");
}

static void endpoint_line(const struct bh_endpoint *e, struct bh_buf *b)
{
	BH_AUTO_BUF from = { 0 };
	BH_AUTO_BUF use = { 0 };

	bh_report_from(e, &from);
	bh_report_purposes(e->purposes, &use);
	bh_buf_str(b, "<tr><td>");
	machine(e->host, b);
	bh_buf_str(b, "</td>");
	roles_cell(e->host, b);
	answer(e->server ? e->necessary : e->service, e->by_role == BH_ANSWER_YES, b);
	bh_buf_str(b, "<td>");
	bh_report_escape(bh_buf_text(&from), b);
	bh_buf_str(b, "</td><td>");
	bh_report_escape(bh_buf_text(&use), b);
	needs_cell(e, b);
	bh_buf_str(b, "</td>");
	cell_count(e->server ? e->times : e->host->used, b);
	bh_buf_str(b, "<td>");
	bh_report_escape(e->why, b);
	bh_buf_str(b, "</td></tr>\n");
}

static void endpoints(const struct bh_report *r, bool server, struct bh_buf *b)
{
	static const char *const servers[] = { "Server", "Role, and the evidence",
		"Inbound necessary", "From", "For", "Times", "Why" };
	static const char *const clients[] = { "Client", "Role, and the evidence",
		"Server service needed", "Inbound from", "For", "Used SMB", "Why" };
	size_t first = server ? 0 : r->n_servers, end = server ? r->n_servers : r->n_endpoints;

	if (first == end)
		return;
	bh_buf_printf(b, "<h2>%s</h2>\n", server ? "Servers" : "Clients, the heaviest users first");
	open_table(server ? servers : clients, BH_LEN(servers), 1u << 5, b);
	for (size_t i = first; i < end && i - first < MOST_LINES; i++)
		endpoint_line(&r->endpoints[i], b);
	close_table(end - first, b);
}

/* ---- shares ---- */

static void share_line(const struct bh_share_row *s, struct bh_buf *b)
{
	char text[BH_ADDR_TEXT];

	bh_buf_str(b, "<tr><td class=\"w\">");
	bh_report_wire(s->share, 120, b);
	bh_buf_str(b, "<br><small>");
	if (s->server.family)
		bh_buf_str(b, bh_addr_format(&s->server, text));
	bh_buf_str(b, "</small></td><td>");
	bh_buf_str(b, bh_report_used(s) ? "used" : "<b class=\"no\">nobody got in</b>");
	bh_buf_str(b, "</td><td class=\"w\">");
	for (size_t i = 0; i < s->n_by; i++) {
		bh_buf_str(b, i ? ", " : "");
		bh_report_wire(s->by[i], 60, b);
	}
	bh_buf_str(b, s->n_by == BH_SHARE_BY ? " …</td>" : "</td>");
	cell_count(s->clients, b);
	cell_count(s->connections, b);
	cell_count(s->denied, b);
	bh_buf_printf(b, "<td>%s</td><td class=\"t\">",
		s->encrypted == BH_UNKNOWN ? "not known"
		: s->encrypted             ? "encrypted"
					   : "in clear");
	when(s->last_seen, b);
	bh_buf_str(b, "</td></tr>\n");
}

static void shares(const struct bh_report *r, struct bh_buf *b)
{
	static const char *const titles[] = { "Share", "", "By whom", "Clients", "Times", "Denied",
		"Protection", "Last seen" };

	if (!r->n_shares)
		return;
	bh_buf_str(b, "<h2>Shares</h2>\n");
	TABLE(titles, 7u << 3, b);
	for (size_t i = 0; i < r->n_shares && i < MOST_LINES; i++)
		share_line(&r->shares[i], b);
	close_table(r->n_shares, b);
	bh_buf_str(b, "<p class=\"soft\">These are the shares that somebody asked for. Of others "
		      "that may exist nothing is claimed.</p>\n");
}

/* ---- findings ---- */

static void findings(const struct bh_report *r, struct bh_buf *b)
{
	static const char *const titles[] = { "Severity", "Finding", "Evidence", "Times",
		"Last seen" };

	if (!r->n_findings)
		return;
	bh_buf_str(b, "<h2>Findings</h2>\n");
	TABLE(titles, 1u << 3, b);
	for (size_t i = 0; i < r->n_findings && i < MOST_LINES; i++) {
		const struct bh_finding *f = &r->findings[i];
		bh_buf_str(b, "<tr><td>");
		bh_report_pill(f->grade, b);
		bh_buf_printf(b, "</td><td class=\"t\">%s</td><td class=\"w\">",
			bh_finding_names[f->kind]);
		bh_report_wire(f->text, 400, b);
		bh_buf_str(b, "</td>");
		cell_count(f->connections, b);
		bh_buf_str(b, "<td class=\"t\">");
		when(f->last_seen, b);
		bh_buf_str(b, "</td></tr>\n");
	}
	close_table(r->n_findings, b);
}

/* ---- what it stands on ---- */

static void needs(const struct bh_report *r, struct bh_buf *b)
{
	static const char *const titles[] = { "Role or feature", "Ports", "Needed by", "Source" };
	uint64_t all = 0;

	for (size_t i = 0; i < r->n_endpoints; i++)
		all |= r->endpoints[i].needs;
	if (!all)
		return;
	bh_buf_str(b, "<h2>What Windows needs</h2>\n<p>Roles and features whose use was seen, and "
		      "what is documented of them.</p>\n");
	TABLE(titles, 0, b);
	for (size_t i = 0; i < bh_needs_n; i++) {
		const struct bh_need *n = &bh_needs[i];
		if (!(all >> i & 1))
			continue;
		bh_buf_str(b, "<tr><td>");
		bh_report_escape(n->feature, b);
		if (n->service)
			bh_buf_printf(b, "<br><small>%s</small>", n->service);
		bh_buf_printf(b, "</td><td>%s</td><td>%s</td><td>", n->ports, n->from);
		bh_report_escape(n->source, b);
		bh_buf_str(b, "</td></tr>\n");
	}
	close_table(0, b);
}

static void evidence(const struct bh_report *r, struct bh_buf *b)
{
	bh_buf_str(b, "<h2>Evidence</h2>\n<ul>\n");
	for (size_t i = 0; i < r->inv.n_sources && i < MOST_LINES; i++) {
		bh_buf_str(b, "<li>");
		bh_report_wire(r->inv.sources[i].label, 200, b);
		bh_buf_str(b, "</li>\n");
	}
	bh_buf_str(b,
		"</ul>\n<p class=\"soft\">Every answer is about what was seen. What happens once a "
		"quarter may not have been: before something is closed, watch long enough, and let "
		"an audit count what would be stopped. This page names users and machines; it is "
		"not for everybody.</p>\n");
}

void bh_report_html(const struct bh_report *r, struct bh_arena *a, struct bh_buf *b)
{
	head(r, b);
	bh_report_glance(r, b);
	bh_buf_str(b, "<h2>Who speaks to whom</h2>\n");
	bh_report_map(r, a, b);
	bh_report_surface(r, b);
	endpoints(r, true, b);
	endpoints(r, false, b);
	shares(r, b);
	findings(r, b);
	needs(r, b);
	evidence(r, b);
	bh_buf_str(b, "</body></html>\n");
}
