/* The report on a terminal. */
#include <stdlib.h>

#include "cli/report.h"
#include "cli/said.h"
#include "cli/show.h"

enum { FINDINGS = 10, HEAVIEST = 10 };

static void heading(const char *text)
{
	printf("\n%s\n", text);
	for (const char *p = text; *p; p++)
		putchar('-');
	putchar('\n');
}

static void print_count(const char *before, uint64_t n, const char *one, const char *many)
{
	BH_AUTO_BUF b = { 0 };

	bh_said_count(n, one, many, &b);
	printf("%s%s", before, bh_buf_text(&b));
}

static void print_summary(const struct bh_report *r)
{
	BH_AUTO_BUF first = { 0 };
	BH_AUTO_BUF last = { 0 };

	if (r->first_seen) {
		bh_time_format(r->first_seen - r->first_seen % BH_SECOND, &first);
		bh_time_format(r->last_seen - r->last_seen % BH_SECOND, &last);
		printf("Seen from %s to %s,", bh_buf_text(&first), bh_buf_text(&last));
	} else {
		printf("Nothing was seen,");
	}
	print_count(" by ", r->inv.n_sources, "source", "sources");
	print_count(": ", r->inv.n, "conversation", "conversations");
	print_count(" of ", r->n_endpoints, "machine", "machines");
	puts(".");
	print_count("", r->surface.pairs, "pair of machines can speak SMB",
		"pairs of machines can speak SMB");
	print_count(", ", r->surface.used, "does", "do");
	puts(".");
}

/* Why its roles are thought to be its own. */
static void print_evidence(const struct bh_host_row *h)
{
	for (size_t i = 0; i < h->n_evidence; i++) {
		BH_AUTO_BUF b = { 0 };
		bh_plan_remark(&b, h->evidence[i].text, 120);
		printf("%s%s", i ? "; " : "      ", bh_buf_text(&b));
	}
	if (h->n_evidence)
		putchar('\n');
}

static void print_needs(const struct bh_endpoint *e)
{
	const char *before = "; as needed for ";

	for (size_t i = 0; i < bh_needs_n; i++) {
		if (!(e->needs >> i & 1))
			continue;
		printf("%s%s", before, bh_needs[i].feature);
		before = ", ";
	}
}

static void print_endpoint(const struct bh_endpoint *e)
{
	const struct bh_host_row *h = e->host;
	char text[BH_ADDR_TEXT];
	BH_AUTO_BUF name = { 0 };
	BH_AUTO_BUF part = { 0 };
	BH_AUTO_BUF from = { 0 };
	BH_AUTO_BUF use = { 0 };

	bh_plan_remark(&name, bh_report_place(h, text), 80);
	if (h->addr.family && bh_report_name(h)) {
		bh_buf_str(&name, " ");
		bh_plan_remark(&name, bh_report_name(h), 80);
	}
	bh_report_roles(h, &part);
	printf("  %s%s%s%s\n", bh_buf_text(&name), part.len ? " (" : "", bh_buf_text(&part),
		part.len ? ")" : "");
	print_evidence(h);
	if (e->scope) {
		bh_report_from(e, &from);
		bh_report_purposes(e->purposes, &use);
		printf("      from %s; for %s", bh_buf_text(&from), bh_buf_text(&use));
		print_needs(e);
		putchar('\n');
	}
	printf("      %s\n", e->why);
}

static bool required(const struct bh_endpoint *e)
{
	return e->by_role == BH_ANSWER_YES;
}

static bool necessary(const struct bh_endpoint *e)
{
	return e->by_role != BH_ANSWER_YES && e->necessary == BH_ANSWER_YES;
}

static bool unnecessary(const struct bh_endpoint *e)
{
	return e->necessary == BH_ANSWER_NO;
}

static bool open_question(const struct bh_endpoint *e)
{
	return e->necessary == BH_ANSWER_UNKNOWN;
}

static void print_those(const struct bh_report *r, bool server, const char *question,
	bool (*is)(const struct bh_endpoint *e))
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_endpoints; i++)
		n += r->endpoints[i].server == server && is(&r->endpoints[i]);
	if (!n)
		return;
	heading(question);
	for (size_t i = 0; i < r->n_endpoints; i++) {
		if (r->endpoints[i].server == server && is(&r->endpoints[i]))
			print_endpoint(&r->endpoints[i]);
	}
}

static void print_share(const struct bh_share_row *s)
{
	char text[BH_ADDR_TEXT];
	BH_AUTO_BUF b = { 0 };

	bh_plan_remark(&b, s->share, 120);
	printf("  %s on %s: ", bh_buf_text(&b),
		s->server.family ? bh_addr_format(&s->server, text) : "a server known by name");
	if (!bh_report_used(s)) {
		print_count("nobody got in, ", s->denied, "attempt was", "attempts were");
		puts(" denied");
		return;
	}
	b.len = 0;
	for (size_t i = 0; i < s->n_by; i++) {
		bh_buf_str(&b, i ? ", " : "");
		bh_plan_remark(&b, s->by[i], 60);
	}
	print_count("", s->connections - s->denied, "time", "times");
	printf(" by %s%s\n", bh_buf_text(&b), s->n_by == BH_SHARE_BY ? " …" : "");
}

static void print_findings(const struct bh_report *r)
{
	heading("What is unsafe");
	if (!r->n_findings)
		puts("  nothing was found");
	for (size_t i = 0; i < r->n_findings && i < FINDINGS; i++) {
		BH_AUTO_BUF b = { 0 };
		bh_plan_remark(&b, r->findings[i].text, 400);
		printf("  %-8s  %s\n", bh_grade_names[r->findings[i].grade], bh_buf_text(&b));
	}
	if (r->n_findings > FINDINGS)
		printf("  and %zu more: bulkhead show findings\n", r->n_findings - FINDINGS);
}

static void print_heaviest(const struct bh_report *r)
{
	if (r->n_heaviest)
		heading("The heaviest users, with whom a roll-out begins");
	for (size_t i = 0; i < r->n_heaviest && i < HEAVIEST; i++) {
		const struct bh_host_row *h = r->heaviest[i];
		BH_AUTO_BUF b = { 0 };
		char text[BH_ADDR_TEXT];
		bh_plan_remark(&b, bh_report_place(h, text), 80);
		if (h->addr.family && bh_report_name(h)) {
			bh_buf_str(&b, " ");
			bh_plan_remark(&b, bh_report_name(h), 80);
		}
		printf("  %s: ", bh_buf_text(&b));
		print_count("", h->used, "connection", "connections");
		print_count(" to ", h->servers, "server", "servers");
		putchar('\n');
	}
}

static void print_sources_of_needs(const struct bh_report *r)
{
	uint64_t all = 0;

	for (size_t i = 0; i < r->n_endpoints; i++)
		all |= r->endpoints[i].needs;
	if (all)
		heading("What Windows needs, of what was seen in use");
	for (size_t i = 0; i < bh_needs_n; i++) {
		const struct bh_need *n = &bh_needs[i];
		if (all >> i & 1)
			printf("  %s: %s, by %s\n      %s\n", n->feature, n->ports, n->from,
				n->source);
	}
}

void bh_report_text(const struct bh_report *r)
{
	print_summary(r);
	print_those(r, true, "Servers whose role requires inbound SMB", required);
	print_those(r, true, "Other servers where inbound SMB is used", necessary);
	print_those(r, true, "Servers where inbound SMB is not necessary", unnecessary);
	print_those(r, false, "Clients where inbound SMB is used", necessary);
	print_those(
		r, false, "Clients that need no inbound SMB, nor the server service", unnecessary);
	print_those(r, false, "Machines of which nothing is known", open_question);
	if (r->n_shares)
		heading("Shares, and who uses them");
	for (size_t i = 0; i < r->n_shares; i++)
		print_share(&r->shares[i]);
	print_heaviest(r);
	print_findings(r);
	print_sources_of_needs(r);
}
