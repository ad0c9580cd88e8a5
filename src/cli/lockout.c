#include "cli/lockout.h"

#include <strings.h>

#define SHOWN 20u /* without -v */

static const char *const kind_names[] = {
	[BH_CONTACT_MOUNT] = "mounts",
	[BH_CONTACT_SESSION] = "sessions",
	[BH_CONTACT_SERVED] = "served",
	[BH_CONTACT_DOMAIN] = "domain",
};

int bh_cli_force(struct bh_arena *a, struct bh_forced *f, const char *what)
{
	const char **v = bh_arena_array(a, f->n + 1, sizeof *v);

	if (!v)
		return -ENOMEM;
	if (f->n)
		memcpy(v, f->v, f->n * sizeof *v);
	v[f->n++] = what;
	f->v = v;
	f->used = bh_arena_array(a, f->n, sizeof *f->used);
	return f->used ? 0 : -ENOMEM;
}

/* "//fs1/home" is named by itself and by "fs1". */
static bool named(const char *what, const char *is)
{
	if (!is)
		return false;
	if (!strcasecmp(what, is))
		return true;
	const char *server = is + strspn(is, "/\\");
	size_t n = strcspn(server, "/\\");
	return server > is && strlen(what) == n && !strncasecmp(what, server, n);
}

bool bh_cli_forced(const struct bh_forced *f, const struct bh_contact *u)
{
	char text[BH_ADDR_TEXT];
	bool found = false;

	bh_addr_format(&u->peer, text);
	for (size_t i = 0; i < f->n; i++) {
		const char *what = f->v[i];
		if (strcmp(what, kind_names[u->kind]) != 0 && strcmp(what, text) != 0 &&
			!named(what, u->what) && !(u->where && !strcasecmp(what, u->where)))
			continue;
		f->used[i] = true;
		found = true;
	}
	return found;
}

static void format_controller(const struct bh_contact *u, const char *peer, struct bh_buf *b)
{
	if (!u->peer.family)
		bh_buf_printf(b, "every domain controller of %s, wherever they are", u->where);
	else if (!u->what || !strcmp(u->what, peer))
		bh_buf_printf(b, "%s, a domain controller of %s", peer, u->where);
	else
		bh_buf_printf(b, "%s (%s), a domain controller of %s", u->what, peer, u->where);
	bh_buf_printf(b, ", tcp/%u, needed by %s to log people on", u->service.port, u->because);
}

void bh_cli_contact_format(const struct bh_contact *u, struct bh_buf *b)
{
	char peer[BH_ADDR_TEXT], here[BH_ADDR_TEXT];

	bh_addr_format(&u->peer, peer);
	bh_addr_format(&u->here, here);
	switch (u->kind) {
	case BH_CONTACT_MOUNT:
		bh_buf_printf(b, "%s, which is %s at %s, tcp/%u", u->where, u->what, peer,
			u->service.port);
		break;
	case BH_CONTACT_SESSION:
		bh_buf_printf(b, "%u session%s of this machine with %s, tcp/%u", u->sessions,
			u->sessions == 1 ? "" : "s", peer, u->service.port);
		break;
	case BH_CONTACT_SERVED:
		bh_buf_printf(b, "%u session%s of %s with this machine (%s), tcp/%u", u->sessions,
			u->sessions == 1 ? "" : "s", peer, here, u->service.port);
		break;
	case BH_CONTACT_DOMAIN: format_controller(u, peer, b); break;
	}
}

/* ---- text ---- */

static void say_cut(const struct bh_cut *c)
{
	BH_AUTO_BUF b = { 0 };

	bh_cli_contact_format(c->contact, &b);
	fprintf(stderr, "  %s\n", bh_buf_text(&b));
	if (c->lasts)
		fprintf(stderr, "      it would go on until it ends, and not come again\n");
	if (c->by_rule)
		fprintf(stderr, "      blocked by %s:%u: %s; leave it out there ('except')\n",
			c->file, c->line, c->text);
	else if (c->file)
		fprintf(stderr, "      blocked by %s:%u: %s\n", c->file, c->line, c->text);
}

static void say_force(const struct bh_lockout *l)
{
	BH_AUTO_BUF b = { 0 };
	bool said[BH_LEN(kind_names)] = { false };

	for (size_t i = 0; i < l->n_cuts; i++) {
		enum bh_contact_kind k = l->cuts[i].contact->kind;
		if (!said[k])
			bh_buf_printf(&b, " --force %s", kind_names[k]);
		said[k] = true;
	}
	fprintf(stderr,
		"To cut them all the same, name them:%s, or one of them by its address or name.\n",
		bh_buf_text(&b));
}

static void say(const struct bh_cli *cli, const struct bh_lockout *l)
{
	size_t shown = cli->verbose ? l->n_cuts : bh_min_size(l->n_cuts, SHOWN);

	bh_cli_fail(cli, BH_EXIT_NO,
		"nothing was loaded, because this policy would cut what this machine uses now:");
	for (size_t i = 0; i < shown; i++)
		say_cut(&l->cuts[i]);
	if (shown < l->n_cuts)
		fprintf(stderr, "  and %zu more (-v shows them all)\n", l->n_cuts - shown);
	if (l->n_add)
		fprintf(stderr, "To keep them, add these sentences to the policy:\n");
	for (size_t i = 0; i < l->n_add; i++)
		fprintf(stderr, "  %s:%u: %s\n", l->add[i].file, l->add[i].line, l->add[i].text);
	say_force(l);
}

/* ---- JSON ---- */

static json_t *address(const struct bh_addr *a)
{
	char text[BH_ADDR_TEXT];

	return a->family ? json_string(bh_addr_format(a, text)) : json_null();
}

static json_t *cut_json(const struct bh_cut *c)
{
	const struct bh_contact *u = c->contact;
	json_t *by = json_null();

	if (c->file)
		by = json_pack("{s:s, s:i, s:s?, s:b}", "file", c->file, "line", (int)c->line,
			"sentence", c->text, "block", c->by_rule);
	return json_pack("{s:s, s:i, s:o, s:o, s:s?, s:s?, s:s?, s:i, s:b, s:o}", "kind",
		kind_names[u->kind], "port", (int)u->service.port, "here", address(&u->here),
		"peer", address(&u->peer), "where", u->where, "what", u->what, "needed_by",
		u->because, "sessions", (int)u->sessions, "lasts", c->lasts, "blocked_by", by);
}

static json_t *as_json(const struct bh_lockout *l)
{
	json_t *cuts = json_array(), *add = json_array();

	for (size_t i = 0; i < l->n_cuts; i++)
		json_array_append_new(cuts, cut_json(&l->cuts[i]));
	for (size_t i = 0; i < l->n_add; i++)
		json_array_append_new(
			add, json_pack("{s:s, s:i, s:s}", "file", l->add[i].file, "line",
				     (int)l->add[i].line, "sentence", l->add[i].text));
	return json_pack("{s:b, s:s, s:o, s:o}", "loaded", 0, "refused", "lock-out", "would_cut",
		cuts, "add", add);
}

int bh_cli_refuse_lockout(const struct bh_cli *cli, const struct bh_lockout *l)
{
	if (!cli->json) {
		say(cli, l);
		return BH_EXIT_NO;
	}
	int r = bh_cli_json(cli, as_json(l));
	return r ? r : BH_EXIT_NO;
}
