/* Random inventories, and the judge asked about a conversation. */
#pragma once

#include "plan_rows.h"
#include "tap.h"

static uint64_t seed = 1;

static unsigned pick(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static struct bh_addr random_addr(void)
{
	static const char *const nets[] = { "10.20.0.", "10.20.1.", "10.10.0.", "192.168.7.",
		"203.0.113.", "169.254.3.", "fd00:20::", "fd00:10::", "2001:db8::", "fe80::" };
	char text[64];
	unsigned net = pick(BH_LEN(nets));

	snprintf(text, sizeof text, net < 6 ? "%s%u" : "%s%x", nets[net], 1 + pick(30));
	return at(text);
}

static void random_inventory(void)
{
	static const char *const shares[] = { "\\\\s\\home", "\\\\s\\IPC$", "\\\\s\\SYSVOL",
		"\\\\s\\C$", "\\\\s\\lp", NULL };
	static const uint16_t ports[] = { 445, 445, 445, 445, 139, 5445, 8445 };
	unsigned n = 1 + pick(400), servers = 1 + pick(12);
	struct bh_addr server[12];

	for (unsigned i = 0; i < servers; i++)
		server[i] = random_addr();
	n_rows = 0;
	while (n_rows < n) {
		struct bh_row *r = row("10.0.0.1", "10.0.0.2", pick(2) ? "alice" : "bob",
			shares[pick(BH_LEN(shares))]);
		r->who.client = random_addr();
		do
			r->who.server = pick(8) ? server[pick(servers)] : random_addr();
		while (r->who.server.family != r->who.client.family && pick(50));
		if (r->who.server.family != r->who.client.family) {
			n_rows--;
			n--;
			continue;
		}
		r->who.port = ports[pick(BH_LEN(ports))];
		r->figures.connections = 1 + pick(9);
		switch (pick(12)) {
		case 0: r->who.outcome = BH_REFUSED; break;
		case 1: r->who.auth_status = 0xc000006d; break;
		case 2: r->who.guest = 1; break;
		case 3: r->who.dialect = BH_DIALECT_NT_LM_012; break;
		default: break;
		}
	}
}

/* Text to bound policy and a gateway's view of it; false when the text is refused. */
static bool bind_text(const char *text, struct bh_arena *a, const struct bh_bound **ret)
{
	struct bh_diags d = { .arena = a };
	const struct bh_policy *p;
	BH_AUTO_BUF b = { 0 };

	if (bh_policy_parse("suggested", bh_span_of(text, strlen(text)), a, &d, &p) ||
		bh_policy_bind(p, NULL, a, &d, ret))
		return false;
	for (const struct bh_diag *one = d.first; one; one = one->next)
		bh_diag_render(one, false, &b);
	if (d.errors || d.warnings)
		printf("# refused:\n%s# in\n%s\n", bh_buf_text(&b), text);
	return !d.errors && !d.warnings;
}

static BH_UNUSED const char *random_policy(struct bh_buf *b)
{
	static const char *const sets[] = { "10.20.0.0/24", "10.20.0.0/16 except 10.20.0.7",
		"10.10.0.0/24, fd00:10::/64", "fd00:20::/64 except fd00:20::3", "any",
		"10.20.1.4, 10.20.1.5, 192.168.7.0/24", "203.0.113.0/24, 2001:db8::/32" };
	static const char *const services[] = { "smb", "netbios", "smbdirect", "all-smb" };
	static const char *const peers[] = { "localsubnet", "self" };

	for (size_t i = 0; i < BH_LEN(sets); i++)
		bh_buf_printf(b, "network n%zu %s\n", i, sets[i]);
	if (pick(4))
		bh_buf_str(b, "default block all-smb\n");
	for (unsigned n = pick(6); n; n--)
		bh_buf_printf(b, "%s %s from n%u to n%u\n", pick(4) ? "allow" : "block",
			services[pick(BH_LEN(services))], pick(BH_LEN(sets)), pick(BH_LEN(sets)));
	if (!pick(3))
		bh_buf_printf(b, "allow smb from %s to n%u\n", peers[pick(2)], pick(BH_LEN(sets)));
	return bh_buf_text(b);
}
