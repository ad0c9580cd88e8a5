#include <inttypes.h>

#include "cli/commands.h"
#include "cli/privileged.h"

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

static json_t *as_json(const struct bh_priv_state *s, bool consumer)
{
	json_t *gates = json_array();

	for (size_t i = 0; i < s->n_counters; i++) {
		const struct bh_priv_counter *c = &s->counters[i];
		json_array_append_new(gates,
			json_pack("{s:s, s:s, s:i, s:I, s:I}", "hook", bh_hook_names[c->hook],
				"protocol", c->service.proto == BH_TCP ? "tcp" : "udp", "port",
				(int)c->service.port, "packets", (json_int_t)c->packets, "bytes",
				(json_int_t)c->bytes));
	}
	return json_pack("{s:b, s:b, s:o, s:o, s:i, s:b, s:b, s:o}", "loaded", s->loaded, "gateway",
		s->gateway, "confirmed", one_generation(s->generation, s->mode, s->hash), "trial",
		one_generation(s->trial, s->trial_mode, s->trial_hash), "trial_seconds_left",
		(int)s->lease_left, "changed_outside", s->changed_outside, "audit_log_read",
		consumer, "gates", gates);
}

static void say_generation(const char *what, uint32_t generation, enum bh_mode mode,
	const uint8_t hash[BH_HASH], const char *more)
{
	char text[13];

	printf("%-10s generation %u, %s, policy %s%s\n", what, generation,
		mode == BH_AUDIT ? "audit" : "enforcing", bh_cli_hash(hash, text), more);
}

static int say(const struct bh_cli *cli, const struct bh_priv_state *s, bool consumer)
{
	static const struct bh_column columns[] = { { "HOOK", false, false },
		{ "PORT", false, false }, { "PACKETS", true, false }, { "BYTES", true, false } };
	enum bh_mode now = s->trial ? s->trial_mode : s->mode;

	if (!s->loaded) {
		puts("nothing is loaded: bulkhead blocks nothing on this machine");
		return bh_cli_flush(cli);
	}
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
	if (s->changed_outside)
		puts("WARNING:   the table was changed from outside since it was loaded: run 'bulkhead verify'");
	if (now == BH_AUDIT)
		printf("audit log: %s\n", consumer ? "read by a running 'bulkhead watch'"
						   : "nobody reads it: start 'bulkhead watch'");
	if (!s->n_counters)
		return bh_cli_flush(cli);
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
	return bh_cli_table_print(t);
}

static int run(struct bh_cli *cli)
{
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
	bool consumer = bh_cli_audit_consumer();
	return cli->json ? bh_cli_json(cli, as_json(&s, consumer)) : say(cli, &s, consumer);
}

const struct bh_command bh_cmd_status = {
	.name = "status",
	.args = "[--json]",
	.summary = "what decides now, what is on trial, what was blocked",
	.run = run,
};
