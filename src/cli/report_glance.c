/* The first part of the page: what somebody who reads no tables should know. */
#include "cli/report.h"
#include "cli/said.h"

/* What is left of all when so many are taken away, never rounded up to all of them. */
static void percent(uint64_t part, uint64_t all, struct bh_buf *b)
{
	uint64_t tenths = all ? (uint64_t)((double)part * 1000 / (double)all) : 0;

	if (tenths % 10)
		bh_buf_printf(b, "%llu.%llu %%", (unsigned long long)tenths / 10,
			(unsigned long long)tenths % 10);
	else
		bh_buf_printf(b, "%llu %%", (unsigned long long)tenths / 10);
}

static uint64_t count_those(
	const struct bh_report *r, bool server, uint8_t by_role, uint8_t necessary)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->n_endpoints; i++) {
		const struct bh_endpoint *e = &r->endpoints[i];
		n += e->server == server && e->by_role == by_role && e->necessary == necessary;
	}
	return n;
}

/* What somebody who reads one paragraph should know. */
void bh_report_in_short(const struct bh_report *r, struct bh_buf *b)
{
	const struct bh_surface *s = &r->surface;
	uint64_t grave = r->grades[BH_GRADE_CRITICAL] + r->grades[BH_GRADE_HIGH];
	uint64_t clients = r->n_endpoints - r->n_servers;
	uint64_t idle = count_those(r, false, BH_ANSWER_NO, BH_ANSWER_NO);

	if (!s->pairs)
		return;
	bh_buf_str(b, "<p class=\"lead\">Of ");
	bh_said_count(s->pairs, "way", "ways", b);
	bh_buf_str(b, " from one machine to another by SMB, ");
	bh_said_count(s->used, "was", "were", b);
	bh_buf_str(b, " seen in use: <b>");
	percent(s->pairs - s->used, s->pairs, b);
	bh_buf_str(b, " can be closed</b>, and nobody who was seen would notice.");
	if (clients) {
		bh_buf_str(b, " Of ");
		bh_said_count(clients, "client", "clients", b);
		bh_buf_str(b, ", ");
		bh_said_count(idle, "needs", "need", b);
		bh_buf_str(b, " no server service.");
	}
	if (grave) {
		bh_buf_str(b, " ");
		bh_said_count(grave, "finding is grave.", "findings are grave.", b);
	}
	bh_buf_str(b, "</p>\n");
}

static void first_things(const struct bh_report *r, struct bh_buf *b)
{
	bh_buf_str(b, "<h2>What to look at first</h2>\n");
	if (!r->n_findings) {
		bh_buf_str(b, "<p>Nothing unsafe was found.</p>\n");
		return;
	}
	bh_buf_str(b, "<ul class=\"first\">\n");
	for (size_t i = 0; i < r->n_findings && i < 6; i++) {
		bh_buf_str(b, "<li>");
		bh_report_pill(r->findings[i].grade, b);
		bh_buf_str(b, " ");
		bh_report_wire(r->findings[i].text, 400, b);
		bh_buf_str(b, "</li>\n");
	}
	bh_buf_str(b, "</ul>\n");
}

/* ---- the checklist ---- */

static uint64_t count_scope(const struct bh_report *r, bool server, uint8_t scope)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->n_endpoints; i++)
		n += r->endpoints[i].server == server && r->endpoints[i].scope == scope;
	return n;
}

static void question(const char *text, struct bh_buf *b)
{
	bh_buf_printf(b, "<li><b>%s</b>", text);
}

static void from_where(const struct bh_report *r, bool server, struct bh_buf *b)
{
	static const struct {
		uint8_t scope;
		const char *from;
	} scopes[] = { { BH_FROM_ALL, "all clients" }, { BH_FROM_NETWORKS, "certain networks" },
		{ BH_FROM_NODES, "certain machines" } };
	bool some = false;

	for (size_t i = 0; i < BH_LEN(scopes); i++) {
		uint64_t n = count_scope(r, server, scopes[i].scope);
		if (!n)
			continue;
		bh_buf_printf(
			b, "%s from %s on ", some ? "," : " Inbound was used", scopes[i].from);
		bh_report_number(n, b);
		some = true;
	}
	bh_buf_str(b, some ? "." : "");
}

/* "none", or how many. */
static void some(uint64_t n, const char *none, const char *one, const char *many, struct bh_buf *b)
{
	if (n)
		bh_said_count(n, one, many, b);
	else
		bh_buf_str(b, none);
}

static void checklist(const struct bh_report *r, struct bh_buf *b)
{
	const uint8_t yes = BH_ANSWER_YES, no = BH_ANSWER_NO;
	uint64_t idle = count_those(r, false, no, no);

	bh_buf_str(b, "<h2>The checklist, answered</h2>\n<ol class=\"qa\">\n");
	question("Which servers require inbound SMB to do their role?", b);
	some(count_those(r, true, yes, yes), "None that was seen.", "server does.", "servers do.",
		b);
	from_where(r, true, b);
	bh_buf_str(b, "</li>\n");
	question("Is it necessary on the other servers?", b);
	some(count_those(r, true, no, yes), "None is used", "is used", "are used", b);
	bh_buf_str(b, " though no role explains it; ");
	some(count_those(r, true, no, no), "none is idle", "answers, but nobody was seen to use it",
		"answer, but nobody was seen to use them", b);
	bh_buf_str(b, ".</li>\n");
	question("Which clients require inbound SMB?", b);
	some(count_those(r, false, no, yes), "None was used.", "client was used.",
		"clients were used.", b);
	from_where(r, false, b);
	bh_buf_str(b, "</li>\n");
	question("Do the other clients need to run the server service?", b);
	some(idle, "None can be told not to", "client does not", "clients do not", b);
	bh_buf_str(b, ", as far as was seen.</li>\n");
	question("Is outbound SMB as little as can be?", b);
	uint64_t outside = 0;
	for (size_t i = 0; i < r->n_endpoints; i++)
		outside += r->endpoints[i].outside != 0;
	some(outside, "None was seen to ask", "machine asks", "machines ask", b);
	bh_buf_str(b, " servers on the Internet.</li>\n</ol>\n");
}

void bh_report_glance(const struct bh_report *r, struct bh_buf *b)
{
	first_things(r, b);
	checklist(r, b);
}

/* ---- the surface ---- */

static void bar(unsigned y, const char *what, uint64_t used, uint64_t all, const char *class,
	struct bh_buf *b)
{
	double part = all ? (double)used / (double)all : 0;

	bh_buf_printf(b,
		"<text x=\"0\" y=\"%u\">%s</text><rect class=\"bar\" x=\"0\" y=\"%u\" width=\"1000\" "
		"height=\"16\" rx=\"4\"/><rect class=\"%s\" x=\"0\" y=\"%u\" width=\"%.1f\" "
		"height=\"16\" rx=\"4\"/><text x=\"1000\" y=\"%u\" text-anchor=\"end\">",
		y, what, y + 8, class, y + 8, used ? (part * 1000 < 4 ? 4.0 : part * 1000) : 0.0,
		y);
	bh_report_number(used, b);
	bh_buf_str(b, " of ");
	bh_report_number(all, b);
	bh_buf_str(b, "</text>\n");
}

void bh_report_surface(const struct bh_report *r, struct bh_buf *b)
{
	const struct bh_surface *s = &r->surface;

	bh_buf_str(b,
		"<h2>The surface</h2>\n<p>Pairs of machines that could speak SMB to each other, and "
		"those that do. All the rest is room for an intruder that nobody was seen to "
		"need.</p>\n<svg viewBox=\"0 0 1000 110\" role=\"img\" "
		"aria-label=\"pairs that can speak SMB, and that do\">\n");
	bar(14, "pairs at work", s->used, s->pairs, "used", b);
	bar(70, "pairs of workstations at work", s->lateral_used, s->lateral, "lateral", b);
	bh_buf_str(b, "</svg>\n");
	if (!s->stations)
		return;
	bh_buf_str(b,
		"<p>As long as nothing is closed, whoever takes over a workstation can walk on "
		"over SMB, from machine to machine, to ");
	bh_said_count(s->reach_before.most, "other", "others", b);
	if (s->reach_before.median < s->reach_before.most) {
		bh_buf_str(b, "; from half of the workstations to no more than ");
		bh_report_number(s->reach_before.median, b);
	}
	bh_buf_str(b, ".</p>\n");
}
