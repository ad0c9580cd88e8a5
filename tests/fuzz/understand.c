/*
 * Rows of a small hostile world, told by sources of every kind: what the inventory makes
 * of them.  Each row is 12 bytes, so that a fuzzer finds its way from one that fits to
 * one that nearly fits.  The answer may not depend on the order of rows, and may neither
 * lose a source nor make a row more.
 */
#include <stdlib.h>

#include "base/cur.h"
#include "inventory/inventory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_ROWS = 64 };

static const char *const shares[] = { "a", "\\\\fs1\\a", "\\\\*\\a", "\\\\fs1\\IPC$", "\\\\fs2\\C$",
	"\\\\dc\\SYSVOL", "\\\\p\\print$", "" };
static const char *const users[] = { "alice", "alice@corp", "bob", "nobody", "", "ANONYMOUS LOGON",
	"PC7$", "Alice" };
static const char *const names[] = { "fs1", "fs1.corp.example", "FS1.local", "fs2", "10.0.1.1",
	"averylongname16x", "averylongname16", "." };

static const uint8_t kinds[] = { BH_KIND_CAPTURE, BH_KIND_CAPTURE, BH_KIND_ZEEK, BH_KIND_SURICATA,
	BH_KIND_SAMBA, BH_KIND_WINDOWS, BH_KIND_WINDOWS, BH_KIND_FIREWALL };
static const uint32_t ids[] = { 0, 1, 2, 3, 4, 5, 6, 7 };

static void text(const char **to, uint8_t *known, uint8_t bit, const char *value)
{
	*to = value;
	*known |= bit;
}

static struct bh_row row(struct bh_cur *c)
{
	struct bh_row r = { 0 };
	struct bh_talk *w = &r.who;
	uint8_t ends = bh_cur_u8(c), said = bh_cur_u8(c), who = bh_cur_u8(c), how = bh_cur_u8(c);
	uint8_t auth = bh_cur_u8(c), flags = bh_cur_u8(c), source = bh_cur_u8(c) & 7;

	bh_talk_init(w);
	if (ends & 3)
		w->client = bh_addr_v4(0x0a000000 + (ends & 3));
	if (ends >> 2 & 3)
		w->server = bh_addr_v4((ends & 128 ? 0xcb007100 : 0x0a000100) + (ends >> 2 & 3));
	w->port = ends & 64 ? 139 : 445;
	w->transport = ends & 64 ? BH_TRANSPORT_NBSS139 : BH_TRANSPORT_TCP445;
	if (said & 8)
		text(&w->server_name, &w->known, BH_KNOWN_SERVER_NAME, names[said & 7]);
	if (said & 128)
		text(&w->workstation, &w->known, BH_KNOWN_WORKSTATION, names[said >> 4 & 7]);
	if (who & 8)
		text(&w->share, &w->known, BH_KNOWN_SHARE, shares[who & 7]);
	if (who & 128)
		text(&w->user, &w->known, BH_KNOWN_USER, users[who >> 4 & 7]);
	w->outcome = how % BH_OUTCOMES;
	w->dialect = how / BH_OUTCOMES % BH_DIALECTS;
	w->auth = auth % BH_AUTHS;
	w->ntlm = auth / BH_AUTHS % BH_NTLMS;
	w->signing_server = auth >> 5 & 3;
	if (auth & 128) {
		w->known |= BH_KNOWN_AUTH_STATUS;
		w->auth_status = flags & 1 ? 0xc000006d : 0;
	}
	w->guest = flags & 2 ? (int8_t)(flags >> 2 & 1) : BH_UNKNOWN;
	w->encrypted = flags & 8 ? (int8_t)(flags >> 4 & 1) : BH_UNKNOWN;
	w->complete = flags & 32 ? 1 : BH_UNKNOWN;
	w->smb1_offered = flags & 64 ? 1 : BH_UNKNOWN;
	r.figures.connections = bh_cur_u8(c);
	r.figures.bytes_to_server = (uint64_t)bh_cur_u8(c) << 10;
	r.figures.pipes = 1u << (bh_cur_u8(c) & 31);
	r.figures.first_seen = BH_SECOND + bh_cur_u8(c) * 100 * BH_SECOND;
	r.figures.last_seen = r.figures.first_seen + bh_cur_u8(c) * BH_SECOND;
	r.sources = &ids[source];
	r.n_sources = 1;
	return r;
}

/* rows are sorted, or the answer would be what was asked. */
static const struct bh_row *unify(
	const struct bh_row *rows, size_t n, struct bh_arena *a, size_t *n_ret)
{
	const struct bh_witnesses w = { kinds, sizeof kinds, .seed = n };
	const struct bh_row *v = NULL;

	if (bh_inventory_unify(rows, n, &w, a, &v, n_ret))
		abort();
	assert(*n_ret <= n);
	return v;
}

static uint32_t sources_of(const struct bh_row *rows, size_t n)
{
	uint32_t all = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < rows[i].n_sources; k++)
			all |= 1u << rows[i].sources[k];
	}
	return all;
}

static void expect_same(const struct bh_row *x, size_t n, const struct bh_row *y, size_t m)
{
	assert(n == m);
	for (size_t i = 0; i < n; i++) {
		assert(bh_talk_equal(&x[i].who, &y[i].who));
		assert(!memcmp(&x[i].figures, &y[i].figures, sizeof x[i].figures));
		assert(i == 0 || bh_talk_compare(&x[i - 1].who, &x[i].who) < 0);
	}
}

static void understand(const struct bh_row *rows, size_t n, struct bh_arena *a)
{
	const uint8_t *purposes;
	const struct bh_host_row *hosts;
	const struct bh_share_row *s;
	const struct bh_finding *f;
	const struct bh_endpoint *e;
	size_t n_hosts, n_shares, n_found, n_ends;

	if (bh_inventory_purposes(rows, n, a, &purposes) ||
		bh_inventory_hosts(rows, n, NULL, a, &hosts, &n_hosts) ||
		bh_inventory_shares(rows, n, a, &s, &n_shares) ||
		bh_inventory_findings(rows, n, hosts, n_hosts, NULL, a, &f, &n_found) ||
		bh_inventory_checklist(rows, n, purposes, hosts, n_hosts, NULL, a, &e, &n_ends))
		abort();
	assert(n_hosts <= 2 * n && n_shares <= n && n_ends <= n_hosts);
	for (size_t i = 0; i < n; i++) {
		assert(purposes[i] < BH_PURPOSES);
		assert(bh_inventory_host(hosts, n_hosts, &rows[i].who, true));
		assert(bh_inventory_host(hosts, n_hosts, &rows[i].who, false));
	}
	for (size_t i = 0; i < n_found; i++)
		assert(f[i].kind < BH_FINDINGS && f[i].grade < BH_GRADES && f[i].text);
	for (size_t i = 0; i < n_ends; i++)
		assert(e[i].why && e[i].scope < BH_SCOPES && e[i].necessary < BH_ANSWERS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bh_row rows[MAX_ROWS], back[MAX_ROWS];
	struct bh_cur c = bh_cur_of(bh_span_of(data, size));
	BH_AUTO_ARENA a = { 0 };
	size_t n = 0, m, k;

	while (bh_cur_left(&c) && n < MAX_ROWS)
		rows[n++] = row(&c);
	for (size_t i = 0; i < n; i++)
		back[i] = rows[n - 1 - i];
	const struct bh_row *x = unify(rows, n, &a, &m);
	const struct bh_row *y = unify(back, n, &a, &k);
	if (x != rows && y != back)
		expect_same(x, m, y, k);
	assert(sources_of(x, m) == sources_of(rows, n));
	understand(x, m, &a);
	return 0;
}
