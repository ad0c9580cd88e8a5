/*
 * report: the inventory's checklist, answered, in the forms that people and machines
 * take it in.
 */
#pragma once

#include "cli/filter.h"
#include "plan/plan.h"

struct bh_report {
	bh_time now;
	struct bh_filter window;
	struct bh_cli_inventory inv;
	const struct bh_host_row *hosts;
	size_t n_hosts;
	const struct bh_share_row *shares;
	size_t n_shares;
	const struct bh_finding *findings;
	size_t n_findings;
	const struct bh_endpoint *endpoints; /* servers first */
	size_t n_endpoints, n_servers;
	const struct bh_host_row **heaviest; /* users, a few: rings begin with them */
	size_t n_heaviest;
	struct bh_surface surface;
	bh_time first_seen, last_seen; /* of all rows; 0: there are none */
	uint64_t connections;
	uint64_t grades[BH_GRADES]; /* findings of each */
};

/* "10.0.1.2", or the name of what has no address. */
const char *bh_report_place(const struct bh_host_row *h, char text[BH_ADDR_TEXT]);
/* What it is called; NULL: its address alone. */
const char *bh_report_name(const struct bh_host_row *h);
/* "file-server, print-server"; nothing when it plays no part. */
void bh_report_roles(const struct bh_host_row *h, struct bh_buf *b);
/* "all clients", "10.0.2.0/24 and 3 more". */
void bh_report_from(const struct bh_endpoint *e, struct bh_buf *b);
/* "file, print". */
void bh_report_purposes(uint32_t purposes, struct bh_buf *b);
bool bh_report_used(const struct bh_share_row *s);

/* One page that needs nothing else: no script, no network. */
void bh_report_html(const struct bh_report *r, struct bh_arena *a, struct bh_buf *b);
/* report_map.c: who speaks to whom, as an SVG for that page. */
void bh_report_map(const struct bh_report *r, struct bh_arena *a, struct bh_buf *b);
/* report_glance.c: the page's first part: in a paragraph, what to look at first with the
 * checklist, and the surface. */
void bh_report_in_short(const struct bh_report *r, struct bh_buf *b);
void bh_report_glance(const struct bh_report *r, struct bh_buf *b);
void bh_report_surface(const struct bh_report *r, struct bh_buf *b);
/* Text from the wire as HTML: nothing of it is taken for more than text. */
void bh_report_escape(const char *text, struct bh_buf *b);
/* The same of so many characters at most, and without control characters. */
void bh_report_wire(const char *text, size_t most, struct bh_buf *b);
/* With thousands apart. */
void bh_report_number(uint64_t n, struct bh_buf *b);
/* A grade, coloured. */
void bh_report_pill(uint8_t grade, struct bh_buf *b);

/* Prints it; returns an exit status. */
int bh_report_json(const struct bh_cli *cli, const struct bh_report *r);
/* One endpoint as a line of CSV has it, or with all lists. */
json_t *bh_report_endpoint(const struct bh_endpoint *e, bool flat);
void bh_report_text(const struct bh_report *r);
