#include <stdarg.h>

#include "cli/commands.h"
#include "cli/lockout.h"
#include "cli/privileged.h"
#include "cli/ready.h"

enum {
	OPT_POLICY = 1,
	OPT_GATEWAY,
	OPT_AUDIT,
	OPT_ENFORCE,
	OPT_CONFIRM,
	OPT_NOW,
	OPT_NAMES,
	OPT_FORCE,
	OPT_CUT,
	OPT_KEEP,
};

static const struct bh_option options[] = {
	{ "policy", 'p', "FILE", "the policy to load", OPT_POLICY },
	{ "gateway", 0, NULL, "for what this machine forwards, not for itself", OPT_GATEWAY },
	{ "audit", 0, NULL, "block nothing: log and count what would be blocked", OPT_AUDIT },
	{ "enforce", 0, NULL, "block", OPT_ENFORCE },
	{ "confirm", 0, "TIME", "how long to wait for 'bulkhead confirm' (default 120s)",
		OPT_CONFIRM },
	{ "now", 0, NULL, "without a trial: for good, at once", OPT_NOW },
	{ "names", 0, "FILE", "resolve names from this hosts file alone", OPT_NAMES },
	{ "cut", 0, NULL, "end connections at once that are not admitted any more", OPT_CUT },
	{ "keep-sessions", 0, NULL, "let connections that stand go on until they end", OPT_KEEP },
	{ "force", 0, "WHAT", "cut this of what is in use here (repeatable)", OPT_FORCE },
	{ 0 },
};

struct apply {
	struct bh_where where;
	struct bh_forced forced;
	bool audit, enforce, now, timed, cut, keep;
	int64_t lease;
};

static int read_options(struct bh_cli *cli, struct bh_arena *a, struct apply *p)
{
	int id;

	while ((id = bh_cli_next(cli)) >= 0) {
		switch (id) {
		case OPT_POLICY: p->where.policy = cli->value; break;
		case OPT_GATEWAY: p->where.gateway = true; break;
		case OPT_AUDIT: p->audit = true; break;
		case OPT_ENFORCE: p->enforce = true; break;
		case OPT_NOW: p->now = true; break;
		case OPT_NAMES: p->where.names = cli->value; break;
		case OPT_CUT: p->cut = true; break;
		case OPT_KEEP: p->keep = true; break;
		case OPT_FORCE:
			if (bh_cli_force(a, &p->forced, cli->value))
				return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
			break;
		case OPT_CONFIRM:
			if (bh_duration_parse(cli->value, &p->lease))
				return bh_cli_usage(cli,
					"--confirm takes a time like 120s or 5m, not '%s'",
					cli->value);
			if (!p->lease)
				return bh_cli_usage(cli,
					"--confirm 0 would be no trial at all: say --now if you mean that");
			if (p->lease < 0 || p->lease > 7 * 86400)
				return bh_cli_usage(cli, "a trial lasts seven days at most");
			p->timed = true;
			break;
		default: return bh_cli_usage(cli, "unexpected '%s'", cli->value);
		}
	}
	if (!p->where.policy)
		return bh_cli_usage(cli, "name the policy with -p FILE");
	if (p->audit == p->enforce)
		return bh_cli_usage(
			cli, "say --audit (block nothing, log what would be) or --enforce");
	if (p->now && p->timed)
		return bh_cli_usage(cli, "--now and --confirm exclude each other");
	if ((p->cut || p->keep) && p->audit)
		return bh_cli_usage(
			cli, "--audit cuts nothing: leave out --cut and --keep-sessions");
	if (p->cut && p->keep)
		return bh_cli_usage(cli, "--cut and --keep-sessions exclude each other");
	return BH_EXIT_OK;
}

/* ---- what could go wrong, said where it is still known ---- */

static const struct bh_gate *smb_gate(const struct bh_table *t, enum bh_hook hook)
{
	for (size_t i = 0; i < t->n_gates; i++) {
		const struct bh_gate *g = &t->gates[i];
		if (g->hook == hook && g->service.proto == BH_TCP && g->service.port == 445)
			return g;
	}
	return NULL;
}

static bool admits_nobody(const struct bh_gate *g)
{
	for (size_t i = 0; g && i < g->n_cases; i++) {
		if (g->cases[i].admit.n)
			return false;
	}
	return g != NULL;
}

static void warn(json_t *list, const char *fmt, ...) BH_PRINTF(2, 3);

static void warn(json_t *list, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	json_array_append_new(list, json_string(text));
}

/* With --keep-sessions, a session that stands; a mount and a controller must be reached
 * again and again. */
static bool goes_on(const struct apply *p, const struct bh_contact *c)
{
	return p->keep && c->sessions &&
	       (c->kind == BH_CONTACT_SESSION || c->kind == BH_CONTACT_SERVED);
}

/* What would be cut, and may be: in audit nothing is. */
static void warn_cuts(const struct apply *p, const struct bh_lockout *l, json_t *list)
{
	for (size_t i = 0; i < l->n_cuts; i++) {
		const struct bh_cut *c = &l->cuts[i];
		BH_AUTO_BUF b = { 0 };
		bool forced = bh_cli_forced(&p->forced, c->contact);
		bh_cli_contact_format(c->contact, &b);
		bool lasts = goes_on(p, c->contact) || (c->lasts && !p->cut);
		if (p->audit || forced || lasts)
			warn(list, "%s: %s",
				p->audit ? "enforcing this would cut"
				: lasts  ? "when it ends, it cannot come again"
					 : "cut at once",
				bh_buf_text(&b));
	}
	for (size_t i = 0; i < p->forced.n; i++) {
		if (!p->forced.used[i])
			warn(list, "--force %s: nothing of that name would be cut", p->forced.v[i]);
	}
}

/* What would be cut and was not forced. */
static int locked_out(const struct apply *p, const struct bh_ready *r,
	const struct bh_contacts *all, struct bh_arena *a, struct bh_lockout *ret)
{
	struct bh_contact *v = bh_arena_array(a, all->n, sizeof *v);
	struct bh_contacts rest = { .v = v };

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < all->n; i++) {
		if (!bh_cli_forced(&p->forced, &all->v[i]) && !goes_on(p, &all->v[i]))
			v[rest.n++] = all->v[i];
	}
	return bh_keeper_lockout(r, &rest, a, ret);
}

static json_t *warnings(const struct apply *p, const struct bh_ready *r, const struct bh_lockout *l)
{
	const struct bh_table *t = &r->table;
	json_t *list = json_array();

	if (t->gateway && !r->place.forwards)
		warn(list, "this machine does not forward packets (net.ipv4.ip_forward is 0): as a "
			   "gateway it sees none");
	if (!t->gateway && !smb_gate(t, BH_IN) && !smb_gate(t, BH_OUT))
		warn(list, "this policy does not govern tcp/445 on this machine");
	if (t->gateway && p->keep)
		warn(list, "of the connections through this gateway those go on that connection "
			   "tracking knows; where it was not in use so far, none");
	warn_cuts(p, l, list);
	if (p->audit)
		return list;
	if (!t->gateway && admits_nobody(smb_gate(t, BH_OUT)))
		warn(list, "this machine will reach no SMB server; if it is a member of a domain, "
			   "SYSVOL is on one, and log-ons that need it (sssd, winbind) can fail");
	return list;
}

static json_t *as_json(const struct bh_priv_state *s, const struct bh_ready *r, uint32_t lease,
	uint32_t cut, json_t *list)
{
	char hash[13];
	uint32_t generation = s->trial ? s->trial : s->generation;

	return json_pack("{s:i, s:s, s:b, s:s, s:i, s:b, s:i, s:i, s:o}", "generation",
		(int)generation, "mode",
		(s->trial ? s->trial_mode : s->mode) == BH_AUDIT ? "audit" : "enforce",
		"keeps_sessions", (s->trial ? s->trial_mode : s->mode) == BH_KEEP, "policy_hash",
		bh_cli_hash(r->hash, hash), "gates", (int)r->table.n_gates, "on_trial",
		s->trial != 0, "confirm_within_seconds", (int)lease, "connections_cut", (int)cut,
		"warnings", list);
}

/* How this program was called, so that the command can be typed again as it stands. */
static const char *again(const struct bh_cli *cli)
{
	return strchr(cli->argv[0], '/') ? cli->argv[0] : "bulkhead";
}

static void say(const struct bh_cli *cli, const struct apply *p, const struct bh_priv_state *s,
	const struct bh_ready *r, uint32_t cut, const json_t *list)
{
	char hash[13];
	const char *point = p->where.gateway ? "gateway" : "host";

	printf("loaded: generation %u, %s, %zu gates on this %s, policy %s\n",
		s->trial ? s->trial : s->generation, p->audit ? "audit" : "enforcing",
		r->table.n_gates, point, bh_cli_hash(r->hash, hash));
	if (p->audit && !cli->quiet)
		puts("audit: nothing is blocked; what would be is logged and counted ('bulkhead status')");
	if (!p->audit && !cli->quiet)
		printf("enforcing: what the policy does not admit is blocked, packet by packet%s; other\n"
		       "ports are never touched\n",
			p->keep ? ", but for connections that stand" : "");
	if (p->cut)
		printf("cut: %u connection%s of this machine\n", cut, cut == 1 ? "" : "s");
	for (size_t i = 0; i < json_array_size(list); i++)
		printf("warning: %s\n", json_string_value(json_array_get(list, i)));
	if (!s->trial)
		return;
	printf("on trial for %u s. If you can still work, run\n\n    %s confirm\n\n"
	       "Otherwise the kernel itself goes back to %s; nothing needs to be alive for that.\n",
		(unsigned)s->lease_left, again(cli),
		s->generation ? "the former rules" : "no rules of ours");
}

/* What refuses because of the policy or the moment, not because of the system. */
static int status_of(int err)
{
	return err == -EINVAL || err == -E2BIG     ? BH_EXIT_INPUT
	       : err == -EBUSY || err == -ENOTCONN ? BH_EXIT_NO
						   : BH_EXIT_SYSTEM;
}

static int run(struct bh_cli *cli)
{
	BH_AUTO_ARENA a = { 0 };
	struct apply p = { .lease = 120 };
	struct bh_ready ready;
	struct bh_priv_state state;
	struct bh_contacts contacts;
	const char *why = "";
	int r = read_options(cli, &a, &p);

	if (r)
		return r;
	BH_AUTO(bh_priv) priv = NULL;
	r = bh_cli_priv(cli, &priv);
	if (!r)
		r = bh_cli_ready(cli, &p.where, &a, &ready);
	if (r)
		return r;
	/* Before the rules stand: afterwards the sessions are gone. */
	struct bh_lockout all, rest;
	if (bh_keeper_contacts(&ready, &a, &contacts) ||
		bh_keeper_lockout(&ready, &contacts, &a, &all) ||
		locked_out(&p, &ready, &contacts, &a, &rest))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	if (rest.n_cuts && !p.audit)
		return bh_cli_refuse_lockout(cli, &rest);
	uint32_t lease = p.now ? 0 : (uint32_t)p.lease;
	json_t *list = warnings(&p, &ready, &all);
	enum bh_mode mode = p.audit ? BH_AUDIT : p.keep ? BH_KEEP : BH_ENFORCE;
	uint32_t cut = 0;
	r = bh_keeper_apply(priv, &ready, mode, lease, &state, &why);
	if (!r && p.cut && bh_priv_cut(priv, &cut, &why))
		warn(list, "%s", why);
	if (r) {
		json_decref(list);
		return bh_cli_fail(cli, status_of(r), "%s", why);
	}
	if (cli->json)
		return bh_cli_json(cli, as_json(&state, &ready, lease, cut, list));
	say(cli, &p, &state, &ready, cut, list);
	json_decref(list);
	return bh_cli_flush(cli);
}

const struct bh_command bh_cmd_apply = {
	.name = "apply",
	.args = "-p FILE --audit|--enforce [--gateway] [--confirm TIME|--now] [options]",
	.summary = "load a policy into the kernel, on trial",
	.about =
		"The rules replace the former ones in one transaction and stay only if 'bulkhead\n"
		"confirm' is run in time: the trial is a timeout in the kernel, so that a lost\n"
		"connection, a crash or a kill ends it as well.\n\n"
		"What would cut SMB that this machine uses now (mounts, sessions with servers,\n"
		"sessions it serves, its domain controllers) is refused, with the sentences that\n"
		"would keep it, unless --force names it: mounts, sessions, served, domain, or one\n"
		"conversation by its address, server or folder.",
	.options = options,
	.run = run,
};

/* ---- confirm and undo ---- */

typedef int (*ask_fn)(struct bh_priv *p, struct bh_priv_state *ret, const char **why);

static int change(
	struct bh_cli *cli, ask_fn ask, const char *done, const char *more, const char *nothing)
{
	struct bh_priv_state s;
	const char *why = "";
	char hash[13];

	if (bh_cli_next(cli) >= 0)
		return bh_cli_usage(cli, "unexpected '%s'", cli->value);
	BH_AUTO(bh_priv) priv = NULL;
	int r = bh_cli_priv(cli, &priv);
	if (r)
		return r;
	r = ask(priv, &s, &why);
	if (r == -ESRCH || r == -ETIME)
		return bh_cli_fail(cli, BH_EXIT_NO, "%s", why);
	if (r)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "%s", why);
	if (cli->json)
		return bh_cli_json(
			cli, json_pack("{s:i, s:s}", "generation", (int)s.generation, "policy_hash",
				     s.generation ? bh_cli_hash(s.hash, hash) : ""));
	if (s.changed[0] && !s.changed_outside)
		printf("warning: while it was on trial somebody edited the table (%s); what was "
		       "applied has replaced it whole\n",
			s.changed);
	if (s.generation)
		printf("%s: generation %u decides%s (%s, policy %s)\n", done, s.generation, more,
			s.mode == BH_AUDIT ? "audit" : "enforcing", bh_cli_hash(s.hash, hash));
	else
		printf("%s: %s\n", done, nothing);
	return bh_cli_flush(cli);
}

static int run_confirm(struct bh_cli *cli)
{
	return change(cli, bh_priv_confirm, "confirmed", " for good", "nothing is loaded");
}

const struct bh_command bh_cmd_confirm = {
	.name = "confirm",
	.args = "",
	.summary = "keep the change that is on trial",
	.run = run_confirm,
};

static int run_undo(struct bh_cli *cli)
{
	return change(cli, bh_priv_undo, "undone", " again",
		"no rules of ours are loaded, and none will be at the next boot");
}

const struct bh_command bh_cmd_undo = {
	.name = "undo",
	.args = "",
	.summary = "end the trial; without one, take our rules away",
	.run = run_undo,
};
