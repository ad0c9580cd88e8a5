#include <inttypes.h>

#include "cli/commands.h"
#include "cli/privileged.h"
#include "keeper/keeper.h"

static const char *mode_name(enum bh_mode m)
{
	return m == BH_AUDIT ? "audit" : "enforce";
}

static json_t *one_generation(uint32_t generation, enum bh_mode mode, const uint8_t hash[BH_HASH])
{
	char text[2 * BH_HASH + 1];

	if (!generation)
		return json_null();
	for (unsigned i = 0; i < BH_HASH; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	return json_pack("{s:i, s:s, s:s}", "generation", (int)generation, "mode", mode_name(mode),
		"policy_hash", text);
}

/* What stands beside the state: who reads the audit log, what other tables do. */
struct beside {
	bool consumer;
	const char *const *foreign;
	size_t n_foreign;
};

static json_t *as_json(const struct bh_priv_state *s, const struct beside *o)
{
	json_t *gates = json_array(), *foreign = json_array();

	for (size_t i = 0; i < o->n_foreign; i++)
		json_array_append_new(foreign, json_string(o->foreign[i]));

	for (size_t i = 0; i < s->n_counters; i++) {
		const struct bh_priv_counter *c = &s->counters[i];
		json_array_append_new(gates,
			json_pack("{s:s, s:s, s:i, s:I, s:I}", "hook", bh_hook_names[c->hook],
				"protocol", c->service.proto == BH_TCP ? "tcp" : "udp", "port",
				(int)c->service.port, "packets", (json_int_t)c->packets, "bytes",
				(json_int_t)c->bytes));
	}
	return json_pack("{s:b, s:b, s:o, s:o, s:i, s:o, s:b, s:b, s:b, s:s?, s:b, s:o, s:o}",
		"loaded", s->loaded, "gateway", s->gateway, "confirmed",
		one_generation(s->generation, s->mode, s->hash), "trial",
		one_generation(s->trial, s->trial_mode, s->trial_hash), "trial_seconds_left",
		(int)s->lease_left, "lapsed", s->lapsed ? json_integer(s->lapsed) : json_null(),
		"stored", s->stored, "survives_reboot", s->stored && s->persistent,
		"changed_outside", s->changed_outside, "changed", s->changed[0] ? s->changed : NULL,
		"audit_log_read", o->consumer, "gates", gates, "foreign", foreign);
}

static void say_generation(const char *what, uint32_t generation, enum bh_mode mode,
	const uint8_t hash[BH_HASH], const char *more)
{
	char text[13];

	printf("%-10s generation %u, %s, policy %s%s\n", what, generation,
		mode == BH_AUDIT ? "audit" : "enforcing", bh_cli_hash(hash, text), more);
}

static int say_gates(const struct bh_cli *cli, const struct bh_priv_state *s, enum bh_mode now)
{
	static const struct bh_column columns[] = { { "HOOK", false, false },
		{ "PORT", false, false }, { "PACKETS", true, false }, { "BYTES", true, false } };

	printf("\n%s by gate, since it was loaded:\n",
		now == BH_AUDIT ? "Would be blocked" : "Blocked");
	struct libscols_table *t = bh_cli_table(columns, BH_LEN(columns));
	for (size_t i = 0; i < s->n_counters; i++) {
		const struct bh_priv_counter *c = &s->counters[i];
		struct libscols_line *l = bh_cli_line(t);
		bh_cli_cell(l, 0, "%s", bh_hook_names[c->hook]);
		bh_cli_cell(
			l, 1, "%s/%u", c->service.proto == BH_TCP ? "tcp" : "udp", c->service.port);
		bh_cli_cell(l, 2, "%" PRIu64, c->packets);
		bh_cli_cell(l, 3, "%" PRIu64, c->bytes);
	}
	return bh_cli_table_print(cli, t);
}

static void say_warnings(const struct bh_priv_state *s)
{
	if (s->changed_outside)
		printf("WARNING:   the table was changed from outside: %s; run 'bulkhead verify'\n",
			s->changed);
	if (s->lapsed && !s->trial)
		printf("note:      the trial of generation %u was not confirmed and has undone itself\n",
			s->lapsed);
	if (!s->loaded && s->stored)
		printf("note:      a confirmed table is kept%s: 'bulkhead undo' forgets it\n",
			s->persistent ? " and would be loaded at boot" : "");
}

static void say_loaded(const struct bh_priv_state *s, enum bh_mode now, bool consumer)
{
	if (s->trial) {
		char more[64];
		snprintf(more, sizeof more, ", %u s left to run 'bulkhead confirm'", s->lease_left);
		say_generation("on trial:", s->trial, s->trial_mode, s->trial_hash, more);
	}
	if (s->generation)
		say_generation(
			s->trial ? "before:" : "decides:", s->generation, s->mode, s->hash, "");
	else if (s->trial)
		puts("before:    no rules of ours");
	printf("point:     %s\n", s->gateway ? "gateway (what is forwarded)" : "host");
	if (now == BH_AUDIT)
		printf("audit log: %s\n", consumer ? "read by a running 'bulkhead watch'"
						   : "nobody reads it: start 'bulkhead watch'");
}

static int say(const struct bh_cli *cli, const struct bh_priv_state *s, const struct beside *o)
{
	enum bh_mode now = s->trial ? s->trial_mode : s->mode;
	int r = 0;

	if (s->loaded)
		say_loaded(s, now, o->consumer);
	else
		puts("nothing is loaded: bulkhead blocks nothing on this machine");
	say_warnings(s);
	if (s->n_counters)
		r = say_gates(cli, s, now);
	if (o->n_foreign && !cli->quiet)
		puts("\nNot ours, and to be known:");
	for (size_t i = 0; i < o->n_foreign && !cli->quiet; i++)
		printf("  - %s\n", o->foreign[i]);
	return r ? r : bh_cli_flush(cli);
}

static int run(struct bh_cli *cli)
{
	BH_AUTO_ARENA a = { 0 };
	struct bh_priv_state s;
	const char *why = "";

	if (bh_cli_next(cli) >= 0)
		return bh_cli_usage(cli, "unexpected '%s'", cli->value);
	BH_AUTO(bh_priv) priv = NULL;
	int r = bh_cli_priv(cli, &priv);
	if (r)
		return r;
	r = bh_priv_state(priv, &s, &why);
	if (r)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "%s", why);
	struct beside o = { .consumer = bh_keeper_listened() };
	r = bh_keeper_foreign(priv, &a, &o.foreign, &o.n_foreign, &why);
	if (r)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "%s", why);
	return cli->json ? bh_cli_json(cli, as_json(&s, &o)) : say(cli, &s, &o);
}

const struct bh_command bh_cmd_status = {
	.name = "status",
	.args = "[--json]",
	.summary = "what decides now, what is on trial, what was blocked",
	.run = run,
};
