#include <stdlib.h>

#include "plan/suggest.h"

enum { SHARES_SHOWN = 6, NAMES_SHOWN = 8, CLIENTS_SHOWN = 64, LEFT_SHOWN = 200, UNUSED_SHOWN = 40 };

static void add_count(struct bh_buf *b, uint64_t n, const char *one)
{
	bh_buf_printf(b, "%llu %s%s", (unsigned long long)n, one, n == 1 ? "" : "s");
}

/* The lowest and the highest: "dialect 3.1.1", "dialects 2.1 to 3.1.1". */
static void add_dialects(const struct bh_seen *s, struct bh_buf *b)
{
	unsigned lo = 0, hi = 0;

	for (unsigned i = 1; i < BH_DIALECTS; i++) {
		if (s->dialects >> i & 1) {
			lo = lo ? lo : i;
			hi = i;
		}
	}
	if (!lo)
		return;
	const char *from = bh_dialect_names[lo] ? bh_dialect_names[lo] : "older than NT LM 0.12";
	if (lo == hi)
		bh_buf_printf(b, ", dialect %s", from);
	else
		bh_buf_printf(b, ", dialects %s to %s", from, bh_dialect_names[hi]);
}

static void add_protection(const struct bh_seen *s, struct bh_buf *b)
{
	if (s->encrypted)
		bh_buf_str(b, s->clear || s->unsigned_ ? ", partly encrypted" : ", encrypted");
	if (s->is_signed)
		bh_buf_str(b, s->unsigned_ ? ", partly signed" : ", signed");
	else if (s->unsigned_)
		bh_buf_str(b, ", not signed");
}

static void add_shares(const struct bh_seen *s, struct bh_buf *b)
{
	for (size_t i = 0; i < s->n_shares && i < SHARES_SHOWN; i++) {
		bh_buf_str(b, i ? " " : ", ");
		bh_plan_remark(b, s->shares[i], 80);
	}
	if (s->n_shares > SHARES_SHOWN)
		bh_buf_printf(b, " and %zu more shares", s->n_shares - SHARES_SHOWN);
}

static void add_also(const struct bh_seen *s, struct bh_buf *b)
{
	static const struct {
		enum bh_use use;
		const char *text;
	} also[] = {
		{ BH_USE_NOBODY, "without a user" },
		{ BH_USE_SMB1, "by SMB1" },
		{ BH_USE_DENIED, "denied" },
		{ BH_USE_NO_SESSION, "without a logon" },
		{ BH_USE_UNANSWERED, "unanswered" },
	};
	const char *sep = "; also ";

	for (size_t i = 0; i < BH_LEN(also); i++) {
		if (s->uses[also[i].use]) {
			bh_buf_printf(b, "%s%llu %s", sep, (unsigned long long)s->uses[also[i].use],
				also[i].text);
			sep = ", ";
		}
	}
}

/* What it is for, the most first; "unknown" where nobody can say. */
static void add_purposes(const struct bh_seen *s, struct bh_buf *b)
{
	const char *sep = ", for ";
	bool told[BH_PURPOSES] = { 0 };

	for (unsigned n = 0; n < BH_PURPOSES; n++) {
		unsigned most = BH_PURPOSES;
		for (unsigned i = 0; i < BH_PURPOSES; i++) {
			if (!told[i] && s->purposes[i] &&
				(most == BH_PURPOSES || s->purposes[i] > s->purposes[most]))
				most = i;
		}
		if (most == BH_PURPOSES)
			return;
		told[most] = true;
		const char *name = bh_purpose_names[most];
		bh_buf_printf(b, "%s%s", sep, name ? name : "unknown");
		sep = ", ";
	}
}

static void add_seen(const struct bh_seen *s, bool allowed, struct bh_buf *b)
{
	bh_buf_str(b, "# ");
	add_count(b, s->clients, "client");
	if (s->users) {
		bh_buf_str(b, ", ");
		add_count(b, s->users, "user");
	}
	add_shares(s, b);
	bh_buf_str(b, ", ");
	add_count(b, s->connections, "connection");
	if (s->last_seen) {
		bh_buf_str(b, ", last ");
		bh_time_format(s->last_seen - s->last_seen % BH_SECOND, b);
	}
	add_dialects(s, b);
	add_protection(s, b);
	add_purposes(s, b);
	if (allowed)
		add_also(s, b);
	bh_buf_str(b, "\n");
}

/* A few clients of a long list, so that a line stays a line. */
static void add_clients(const struct bh_addrset *set, uint64_t *more, struct bh_buf *b)
{
	struct bh_addrset shown = *set;
	size_t v4 = bh_min_size(set->v4.n, CLIENTS_SHOWN);

	shown.v4.n = v4;
	shown.v6.n = bh_min_size(set->v6.n, CLIENTS_SHOWN - v4);
	*more = set->v4.n + set->v6.n - shown.v4.n - shown.v6.n;
	bh_addrset_format(&shown, ", ", b);
}

static void add_called(const struct bh_suggested_set *set, struct bh_buf *b)
{
	if (!set->n_called)
		return;
	bh_buf_str(b, "# called ");
	for (size_t i = 0; i < set->n_called && i < NAMES_SHOWN; i++) {
		bh_buf_str(b, i ? ", " : "");
		bh_plan_remark(b, set->called[i], 64);
	}
	if (set->n_called > NAMES_SHOWN)
		bh_buf_printf(b, " and %zu more names", set->n_called - NAMES_SHOWN);
	bh_buf_str(b, "\n");
}

static void add_set(const struct bh_suggested_set *set, struct bh_buf *b)
{
	add_called(set, b);
	bh_buf_printf(b, "%s %s ", set->network ? "network" : "hosts", set->name);
	for (size_t i = 0; i < set->n_machines; i++)
		bh_buf_printf(b, "%s%s", i ? ", " : "", set->machines[i]);
	if (set->n_machines && !bh_addrset_empty(&set->addrs))
		bh_buf_str(b, ", ");
	bh_addrset_format(&set->addrs, ", ", b);
	if (!bh_addrset_empty(&set->except)) {
		bh_buf_str(b, " except ");
		bh_addrset_format(&set->except, ", ", b);
	}
	bh_buf_str(b, "\n");
}

static void add_services(unsigned services, struct bh_buf *b)
{
	static const char *const names[] = { "smb", "netbios", "smbdirect" };
	const char *sep = "";

	for (size_t i = 0; i < BH_LEN(names); i++) {
		if (services >> i & 1) {
			bh_buf_printf(b, "%s%s", sep, names[i]);
			sep = ", ";
		}
	}
}

static void add_rule(const struct bh_suggested_rule *r, struct bh_buf *b)
{
	add_seen(&r->seen, true, b);
	bh_buf_str(b, "allow ");
	add_services(r->services, b);
	bh_buf_printf(b, " from %s to ", r->from->name);
	for (size_t i = 0; i < r->n_to; i++)
		bh_buf_printf(b, "%s%s", i ? ", " : "", r->to[i]->name);
	bh_buf_str(b, "\n");
}

static void add_left(const struct bh_left *l, struct bh_buf *b)
{
	char server[BH_ADDR_TEXT];
	uint64_t more;

	add_seen(&l->seen, false, b);
	bh_addr_format(&l->server, server);
	if (l->why == BH_LEFT_NOT_GOVERNED) {
		bh_buf_str(b, "#     from ");
		add_clients(&l->clients, &more, b);
		bh_buf_printf(b, " to %s on %s/%u\n", server, l->at.proto == BH_TCP ? "tcp" : "udp",
			l->at.port);
	} else {
		bh_buf_str(b, "# allow ");
		add_services(l->service, b);
		bh_buf_str(b, " from ");
		add_clients(&l->clients, &more, b);
		bh_buf_printf(b, " to %s\n", server);
	}
	if (more)
		bh_buf_printf(b, "# (and from %llu more)\n", (unsigned long long)more);
	if (l->admitted)
		bh_buf_printf(b,
			"# (rules above, which are few, admit %llu of these all the same)\n",
			(unsigned long long)l->admitted);
}

static const char *const headings[BH_LEFTS] = {
	[BH_LEFT_INTERNET] = "From or to the Internet: SMB has no business there.",
	[BH_LEFT_LATERAL] = "To workstations: this is how ransomware walks. A host that serves\n"
			    "# fewer than 3 others and uses SMB itself counts as a workstation.",
	[BH_LEFT_UNSURE] =
		"To hosts that may be workstations: they served few, and where IPv4 and IPv6\n"
		"# are both in use a workstation may be a client over its other address.",
	[BH_LEFT_PURPOSE] = "For purposes that were excluded (--without).",
	[BH_LEFT_SMB1] = "By SMB1 alone: it cannot be made safe; retire it, or allow it knowingly.",
	[BH_LEFT_NOBODY] = "As guest or anonymous alone: nobody can be named who needs it.",
	[BH_LEFT_DENIED] = "Logon or share refused every time: nothing here works today.",
	[BH_LEFT_NO_SESSION] = "Answered, but nobody was seen to log on: a scan, or cut short.",
	[BH_LEFT_UNANSWERED] = "Refused, silent or blocked: there was no answer to allow.",
	[BH_LEFT_NOT_GOVERNED] =
		"On other ports or over QUIC: this policy does not govern those,\n"
		"# so they are neither allowed nor blocked ('service' declares a port).",
};

static void add_all_left(const struct bh_suggestion *s, struct bh_buf *b)
{
	for (size_t i = 0, end; i < s->n_left; i = end) {
		for (end = i + 1; end < s->n_left && s->left[end].why == s->left[i].why;)
			end++;
		bh_buf_printf(b, "\n# %s\n", headings[s->left[i].why]);
		for (size_t k = i; k < end && k < i + LEFT_SHOWN; k++)
			add_left(&s->left[k], b);
		if (end - i > LEFT_SHOWN)
			bh_buf_printf(b,
				"# (and %zu more servers: see 'bulkhead suggest --json')\n",
				end - i - LEFT_SHOWN);
	}
}

static void add_unused(const struct bh_suggestion *s, struct bh_buf *b)
{
	size_t n = bh_min_size(s->n_unused, UNUSED_SHOWN);
	char server[BH_ADDR_TEXT];

	if (!n)
		return;
	bh_buf_str(b, "\n# Admitted by these sentences, though nobody was seen to need it: ");
	add_count(b, s->surface - s->needed, "pair");
	bh_buf_str(b, ".\n");
	for (size_t i = 0; i < n; i++) {
		const struct bh_unused *u = &s->unused[i];
		uint64_t more;
		bh_buf_printf(b, "#     to %s from ", bh_addr_format(&u->server, server));
		if (bh_addrset_empty(&u->clients)) {
			add_count(b, u->pairs, "host");
			bh_buf_str(b, "\n");
			continue;
		}
		add_clients(&u->clients, &more, b);
		if (more)
			bh_buf_printf(b, " and %llu more", (unsigned long long)more);
		bh_buf_str(b, "\n");
	}
	if (s->n_unused > n)
		bh_buf_printf(b, "# (and to %zu more servers: see 'bulkhead suggest --json')\n",
			s->n_unused - n);
}

/* What the sentences cost, and what one more would be worth. */
static void add_surface(const struct bh_suggestion *s, struct bh_buf *b)
{
	if (!s->needed)
		return;
	bh_buf_str(b, "#\n# ");
	add_count(b, s->n_rules, "rule");
	if (s->budget)
		bh_buf_printf(b, " (of %u at most)", s->budget);
	bh_buf_printf(b,
		" for %llu pairs of client and server that need SMB; of the hosts that\n"
		"# were seen, %llu pairs can speak it under them",
		(unsigned long long)s->needed, (unsigned long long)s->surface);
	if (s->budget)
		bh_buf_str(b, s->smallest ? ", and no policy of so few has fewer"
					  : ", the fewest that were found");
	bh_buf_str(b, ".\n");
	if (s->budget && s->one_more < s->surface)
		bh_buf_printf(b, "# One rule more would take %llu of these away.\n",
			(unsigned long long)(s->surface - s->one_more));
	else if (s->budget)
		bh_buf_str(b, "# One rule more would take none away.\n");
}

static void add_head(const struct bh_suggestion *s, struct bh_buf *b)
{
	bh_buf_str(b, "# Suggested by bulkhead " BH_VERSION " on ");
	bh_time_format(s->now - s->now % BH_SECOND, b);
	bh_buf_str(b, ", from ");
	add_count(b, s->conversations, "conversation");
	bh_buf_str(b, " in ");
	add_count(b, s->connections, "connection");
	if (s->first_seen && s->last_seen) {
		bh_buf_str(b, "\n# seen from ");
		bh_time_format(s->first_seen - s->first_seen % BH_SECOND, b);
		bh_buf_str(b, " to ");
		bh_time_format(s->last_seen - s->last_seen % BH_SECOND, b);
	}
	bh_buf_str(b, ".\n");
	if (s->since) {
		bh_buf_str(b, "# Last seen before ");
		bh_time_format(s->since - s->since % BH_SECOND, b);
		bh_buf_str(b, " and therefore not looked at: ");
		add_count(b, s->too_old, "conversation");
		bh_buf_str(b, ".\n");
	}
	if (s->until) {
		bh_buf_str(b, "# First seen after ");
		bh_time_format(s->until - s->until % BH_SECOND, b);
		bh_buf_str(b, " and therefore not looked at: ");
		add_count(b, s->too_new, "conversation");
		bh_buf_str(b, ".\n");
	}
	if (s->loopback) {
		bh_buf_str(b, "# Within one machine, which no policy governs: ");
		add_count(b, s->loopback, "conversation");
		bh_buf_str(b, ".\n");
	}
	add_surface(s, b);
	bh_buf_str(b,
		"#\n# What was seen is not yet what is needed: read every sentence, then ask\n"
		"# 'bulkhead plan' what it would break before you load it.\n");
}

static void add_all(const struct bh_suggestion *s, struct bh_buf *b)
{
	add_head(s, b);
	bh_buf_str(b, "\n");
	if (!bh_addrset_empty(&s->inside)) {
		bh_buf_str(b,
			"# Where the hosts are that were seen: whoever is blocked there gets a\n"
			"# reset at once, everybody else silence.\n"
			"network inside ");
		bh_addrset_format(&s->inside, ", ", b);
		bh_buf_str(b, "\n\n");
	}
	for (size_t i = 0; i < s->n_sets; i++)
		add_set(s->sets[i], b);
	bh_buf_str(b, s->n_sets ? "\ndefault block all-smb\n" : "default block all-smb\n");
	if (!s->n_rules)
		bh_buf_str(b, "# Nothing was seen that could be allowed: this blocks all SMB.\n");
	for (size_t i = 0; i < s->n_rules; i++) {
		bh_buf_str(b, "\n");
		add_rule(&s->rules[i], b);
	}
	add_unused(s, b);
	if (s->n_left) {
		bh_buf_str(b, "\n# Left out, and why.  A sentence holds when the # before it is "
			      "taken away.\n");
		add_all_left(s, b);
	}
}

void bh_plan_suggest_print(const struct bh_suggestion *s, struct bh_buf *ret)
{
	BH_AUTO_ARENA a = { 0 };
	BH_AUTO_BUF raw = { 0 };
	struct bh_diags diags = { .arena = &a };
	const struct bh_policy *p;

	add_all(s, &raw);
	if (!bh_buf_ok(&raw) || bh_policy_parse("suggestion",
					bh_span_of(bh_buf_text(&raw), raw.len), &a, &diags, &p)) {
		ret->failed = true;
		return;
	}
	/* A sentence of ours that the language refuses would be a bug; `policy check` then
	 * shows it where it stands. */
	if (diags.errors)
		bh_buf_str(ret, bh_buf_text(&raw));
	else
		bh_policy_print(p, ret);
}
