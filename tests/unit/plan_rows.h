/* Rows of a small inventory, made by hand. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "plan/plan.h"
#include "texts.h"

#define MAX_ROWS 4096

static struct bh_row rows[MAX_ROWS];
static size_t n_rows;

/* 2026-11-01T00:00:00Z */
#define DAY0 ((bh_time)1793491200 * BH_SECOND)
#define NOW  (DAY0 + 3600 * BH_SECOND)

static struct bh_addr at(const char *text)
{
	struct bh_addr a = { 0 };

	if (bh_addr_parse(text, strlen(text), &a))
		abort();
	return a;
}

static void set_text(const char **to, struct bh_talk *c, uint8_t bit, const char *s)
{
	*to = kept(s);
	c->known |= bit;
}

/* A conversation that worked: SMB 3.1.1, signed, NTLM. */
static struct bh_row *row(
	const char *client, const char *server, const char *user, const char *share)
{
	struct bh_row *r = &rows[n_rows++];

	memset(r, 0, sizeof *r);
	bh_talk_init(&r->who);
	r->who.client = at(client);
	r->who.server = at(server);
	r->who.port = 445;
	r->who.outcome = BH_ANSWERED;
	r->who.auth = BH_AUTH_NTLM;
	r->who.dialect = BH_DIALECT_311;
	r->who.is_signed = 1;
	r->who.encrypted = 0;
	r->who.guest = 0;
	r->who.complete = 1;
	r->who.known |= BH_KNOWN_AUTH_STATUS;
	if (user)
		set_text(&r->who.user, &r->who, BH_KNOWN_USER, user);
	if (share) {
		set_text(&r->who.share, &r->who, BH_KNOWN_SHARE, share);
		r->who.known |= BH_KNOWN_SHARE_STATUS;
	}
	r->figures = (struct bh_figures){ 1, 1000, 2000, DAY0, DAY0 + 60 * BH_SECOND };
	return r;
}

/* The scene of all rows, as a test needs it once. */
static BH_UNUSED int impact_of(const struct bh_bound *b, const struct bh_point *points, size_t n,
	struct bh_arena *a, struct bh_impact *ret)
{
	const struct bh_scene_of of = {
		.bound = b, .points = points, .n_points = n, .rows = rows, .n = n_rows
	};
	struct bh_scene *s;
	int r = bh_plan_scene(&of, a, &s);

	return r ? r : bh_plan_impact(s, a, ret);
}

static BH_UNUSED int surface_at(const struct bh_bound *b, const struct bh_point *point,
	const struct bh_table *table, const struct bh_told *told, struct bh_arena *a,
	struct bh_surface *ret)
{
	const struct bh_scene_of of = { .bound = b,
		.points = point,
		.n_points = point != NULL,
		.told = told,
		.rows = rows,
		.n = n_rows };
	struct bh_scene *s;
	int r = bh_plan_scene(&of, a, &s);

	return r ? r : bh_plan_surface(s, table, a, ret);
}
