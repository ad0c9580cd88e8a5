#include "cli/commands.h"
#include "cli/privileged.h"
#include "cli/ready.h"

enum { OPT_POLICY = 1, OPT_GATEWAY, OPT_AUDIT, OPT_ENFORCE, OPT_CONFIRM, OPT_NOW, OPT_NAMES };

static const struct bh_option options[] = {
	{ "policy", 'p', "FILE", "the policy to load", OPT_POLICY },
	{ "gateway", 0, NULL, "for what this machine forwards, not for itself", OPT_GATEWAY },
	{ "audit", 0, NULL, "block nothing: log and count what would be blocked", OPT_AUDIT },
	{ "enforce", 0, NULL, "block", OPT_ENFORCE },
	{ "confirm", 0, "TIME", "how long to wait for 'bulkhead confirm' (default 120s)",
		OPT_CONFIRM },
	{ "now", 0, NULL, "without a trial: for good, at once", OPT_NOW },
	{ "names", 0, "FILE", "resolve names from this hosts file alone", OPT_NAMES },
	{ 0 },
};

struct apply {
	struct bh_where where;
	bool audit, enforce, now;
	int64_t lease;
};

static int read_options(struct bh_cli *cli, struct apply *p)
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
		case OPT_CONFIRM:
			if (bh_duration_parse(cli->value, &p->lease))
				return bh_cli_usage(cli,
					"--confirm takes a time like 120s or 5m, not '%s'",
					cli->value);
			if (p->lease < 5 || p->lease > 7 * 86400)
				return bh_cli_usage(cli,
					"--confirm takes 5 seconds to 7 days; for no trial at all say --now");
			break;
		default: return bh_cli_usage(cli, "unexpected '%s'", cli->value);
		}
	}
	if (!p->where.policy)
		return bh_cli_usage(cli, "name the policy with -p FILE");
	if (p->audit == p->enforce)
		return bh_cli_usage(
			cli, "say --audit (block nothing, log what would be) or --enforce");
	return BH_EXIT_OK;
}

static json_t *as_json(const struct bh_priv_state *s, const struct bh_ready *r, uint32_t lease)
{
	char hash[13];
	uint32_t generation = s->trial ? s->trial : s->generation;

	return json_pack("{s:i, s:s, s:s, s:i, s:b, s:i}", "generation", (int)generation, "mode",
		(s->trial ? s->trial_mode : s->mode) == BH_AUDIT ? "audit" : "enforce",
		"policy_hash", bh_cli_hash(r->hash, hash), "gates", (int)r->table.n_gates,
		"on_trial", s->trial != 0, "confirm_within_seconds", (int)lease);
}

static void say(const struct bh_cli *cli, const struct apply *p, const struct bh_priv_state *s,
	const struct bh_ready *r)
{
	char hash[13];
	const char *point = p->where.gateway ? "gateway" : "host";

	printf("loaded: generation %u, %s, %zu gates on this %s, policy %s\n",
		s->trial ? s->trial : s->generation, p->audit ? "audit" : "enforcing",
		r->table.n_gates, point, bh_cli_hash(r->hash, hash));
	if (p->audit && !cli->quiet)
		puts("audit: nothing is blocked; what would be is logged and counted ('bulkhead status')");
	if (!s->trial)
		return;
	printf("on trial for %u s. If you can still work, run\n\n    bulkhead confirm\n\n"
	       "Otherwise the kernel itself goes back to %s; nothing needs to be alive for that.\n",
		(unsigned)p->lease, s->generation ? "the former rules" : "no rules of ours");
}

static int run(struct bh_cli *cli)
{
	BH_AUTO_ARENA a = { 0 };
	struct apply p = { .lease = 120 };
	struct bh_ready ready;
	struct bh_priv_state state;
	BH_AUTO_BUF text = { 0 };
	const char *why = "";
	int r = read_options(cli, &p);

	if (r)
		return r;
	BH_AUTO(bh_priv) priv = NULL;
	r = bh_cli_priv(cli, &priv);
	if (!r)
		r = bh_cli_ready(cli, &p.where, &a, &ready);
	if (r)
		return r;
	if (!ready.table.n_gates && !cli->quiet)
		fprintf(stderr,
			"bulkhead apply: this policy blocks nothing here: every flow is admitted\n");
	if (p.audit && !bh_cli_audit_consumer())
		return bh_cli_fail(cli, BH_EXIT_NO,
			"nobody would read the audit log: start 'bulkhead watch' first, and leave it running");
	bh_policy_print(ready.policy, &text);
	if (!bh_buf_ok(&text))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	const struct bh_priv_apply request = { .table = &ready.table,
		.mode = p.audit ? BH_AUDIT : BH_ENFORCE,
		.lease = p.now ? 0 : (uint32_t)p.lease,
		.policy_text = bh_buf_text(&text) };
	r = bh_priv_apply(priv, &request, &state, &why);
	if (r)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "%s", why);
	if (cli->json)
		return bh_cli_json(cli, as_json(&state, &ready, request.lease));
	say(cli, &p, &state, &ready);
	return bh_cli_flush(cli);
}

const struct bh_command bh_cmd_apply = {
	.name = "apply",
	.args = "-p FILE --audit|--enforce [--gateway] [--confirm TIME|--now] [--names FILE]",
	.summary = "load a policy into the kernel, on trial",
	.about = "The rules replace the former ones in one transaction and stay only if 'bulkhead\n"
		 "confirm' is run in time: the trial is a timeout in the kernel, so that a lost\n"
		 "connection, a crash or a kill ends it as well.",
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
	if (r == -ENOENT || r == -ETIME)
		return bh_cli_fail(cli, BH_EXIT_NO, "%s", why);
	if (r)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "%s", why);
	if (cli->json)
		return bh_cli_json(
			cli, json_pack("{s:i, s:s}", "generation", (int)s.generation, "policy_hash",
				     s.generation ? bh_cli_hash(s.hash, hash) : ""));
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
