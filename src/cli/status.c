#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

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
	return json_pack("{s:i, s:s, s:b, s:s}", "generation", (int)generation, "mode",
		mode_name(mode), "keeps_sessions", mode == BH_KEEP, "policy_hash", text);
}

/* A sentence over all hooks and ports. */
struct met {
	const struct bh_priv_hit *is; /* one of them: what it says */
	uint64_t packets, bytes;
	int64_t after, until; /* the last packet came between these two; until 0: none did */
};

/* What stands beside the state: who reads the audit log, which sentences were met, what
 * other tables do. */
struct beside {
	bool consumer;
	struct met *met;
	size_t n_met;
	const char *const *foreign;
	size_t n_foreign;
};

static void meet(struct beside *o, const struct bh_priv_hit *h)
{
	struct met *m = NULL;

	for (size_t i = 0; i < o->n_met && !m; i++)
		m = o->met[i].is->sentence == h->sentence ? &o->met[i] : NULL;
	if (!m) {
		m = &o->met[o->n_met++];
		*m = (struct met){ .is = h };
	}
	m->packets += h->packets;
	m->bytes += h->bytes;
	if (h->until > m->until || (h->until == m->until && h->after > m->after)) {
		m->after = h->after;
		m->until = h->until;
	}
}

static int by_sentence(const void *x, const void *y)
{
	const struct met *a = x, *b = y;

	return (a->is->sentence > b->is->sentence) - (a->is->sentence < b->is->sentence);
}

static int look_at_hits(struct bh_priv *p, const struct bh_priv_state *s, struct bh_arena *a,
	struct beside *o, const char **why)
{
	const struct bh_priv_hit *v = NULL;
	uint32_t generation = s->trial && s->lease_left ? s->trial : s->generation;
	size_t n = 0;
	int r = bh_priv_hits(p, a, &v, &n, why);

	if (r)
		return r;
	o->met = bh_arena_array(a, n, sizeof *o->met);
	if (!o->met) {
		*why = "out of memory";
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		if (v[i].generation == generation)
			meet(o, &v[i]);
	}
	qsort(o->met, o->n_met, sizeof *o->met, by_sentence);
	return 0;
}

static json_t *moment(int64_t t)
{
	BH_AUTO_BUF b = { 0 };

	if (!t)
		return json_null();
	bh_time_format(t - t % BH_SECOND, &b);
	return json_string(bh_buf_text(&b));
}

static json_t *met_json(const struct beside *o)
{
	json_t *list = json_array();

	for (size_t i = 0; i < o->n_met; i++) {
		const struct met *m = &o->met[i];
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:I, s:I, s:o, s:o}", "sentence", m->is->text,
				"verdict", m->is->block ? "block" : "allow", "packets",
				(json_int_t)m->packets, "bytes", (json_int_t)m->bytes, "last_after",
				moment(m->until ? m->after : 0), "last_until", moment(m->until)));
	}
	return list;
}

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
	return json_pack("{s:b, s:b, s:o, s:o, s:i, s:o, s:b, s:b, s:b, s:s?, s:b, s:o, s:o, s:o}",
		"loaded", s->loaded, "gateway", s->gateway, "confirmed",
		one_generation(s->generation, s->mode, s->hash), "trial",
		one_generation(s->trial, s->trial_mode, s->trial_hash), "trial_seconds_left",
		(int)s->lease_left, "lapsed", s->lapsed ? json_integer(s->lapsed) : json_null(),
		"stored", s->stored, "survives_reboot", s->stored && s->persistent,
		"changed_outside", s->changed_outside, "changed", s->changed[0] ? s->changed : NULL,
		"audit_log_read", o->consumer, "gates", gates, "sentences", met_json(o), "foreign",
		foreign);
}

static void say_generation(const char *what, uint32_t generation, enum bh_mode mode,
	const uint8_t hash[BH_HASH], const char *more)
{
	char text[13];

	printf("%-10s generation %u, %s, policy %s%s\n", what, generation,
		mode == BH_AUDIT     ? "audit"
		: mode == BH_ENFORCE ? "enforcing"
				     : "enforcing (connections that stood go on)",
		bh_cli_hash(hash, text), more);
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

/* When the last packet came, as well as it is known. */
static void when(const struct met *m, struct bh_buf *b)
{
	bh_time now = time(NULL) * BH_SECOND;

	if (!m->until)
		bh_buf_str(b, "never");
	else if (m->after && m->until - m->after <= 120 * BH_SECOND)
		bh_time_ago(m->until, now, b);
	else if (m->after) {
		bh_buf_str(b, "after ");
		bh_time_ago(m->after, now, b);
	} else
		bh_buf_str(b, "nobody looked");
}

static int say_sentences(const struct bh_cli *cli, const struct beside *o)
{
	static const struct bh_column columns[] = { { "PACKETS", true, false },
		{ "LAST", false, false }, { "SENTENCE", false, true } };

	puts("\nBy sentence, since it was loaded:");
	struct libscols_table *t = bh_cli_table(columns, BH_LEN(columns));
	for (size_t i = 0; i < o->n_met; i++) {
		const struct met *m = &o->met[i];
		struct libscols_line *l = bh_cli_line(t);
		BH_AUTO_BUF b = { 0 };
		when(m, &b);
		bh_cli_cell(l, 0, "%" PRIu64, m->packets);
		bh_cli_cell(l, 1, "%s", bh_buf_text(&b));
		bh_cli_cell(l, 2, "%s", m->is->text);
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
	if (!r && o->n_met)
		r = say_sentences(cli, o);
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
	r = look_at_hits(priv, &s, &a, &o, &why);
	if (r)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "%s", why);
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
