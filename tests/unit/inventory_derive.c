#include "inventory/inventory.h"
#include "tap.h"

static struct bh_row row(uint32_t client, uint32_t server, const char *share, const char *user)
{
	struct bh_row r = { 0 };

	bh_talk_init(&r.who);
	r.who.client = bh_addr_v4(client);
	r.who.server = bh_addr_v4(server);
	r.who.port = 445;
	r.who.outcome = BH_ANSWERED;
	r.who.dialect = BH_DIALECT_311;
	r.who.known = BH_KNOWN_SHARE | BH_KNOWN_USER | BH_KNOWN_SHARE_STATUS;
	r.who.share = share;
	r.who.user = user;
	r.figures = (struct bh_figures){ 3, 100, 200, 1000, 2000 };
	return r;
}

static void test_a_host_is_what_it_did(void)
{
	struct bh_row rows[3] = {
		row(1, 2, "\\\\fs1\\a", "alice"),
		row(1, 3, "\\\\nas\\b", "alice"),
		row(3, 2, "\\\\10.0.0.2\\a", "bob"),
	};
	BH_AUTO_ARENA a = { 0 };
	const struct bh_host_row *h;
	size_t n;

	rows[0].who.server_name = "fs1";
	rows[2].who.server_name = "10.0.0.2"; /* an address is no name */
	rows[2].figures.connections = 50;
	rows[0].who.workstation = "PC7";
	rows[1].who.outcome = BH_SILENT;
	rows[1].who.dialect = 0;
	rows[0].who.signing_server = BH_SIGNING_REQUIRED;
	rows[2].who.signing_server = BH_SIGNING_ENABLED;
	rows[2].figures.last_seen = 1999;
	rows[2].who.dialect = BH_DIALECT_NT_LM_012;

	EXPECT_INT(bh_inventory_hosts(rows, 3, NULL, &a, &h, &n), 0);
	EXPECT_INT(n, 3);
	EXPECT(h[0].is_client && !h[0].is_server && h[0].used == 6);
	EXPECT_STR(h[0].workstation, "PC7");
	EXPECT(h[1].is_server && !h[1].is_client && h[1].served == 53 && h[1].smb1);
	EXPECT_STR(h[1].name, "fs1");
	EXPECT_INT(h[1].best_dialect, BH_DIALECT_311);
	EXPECT_INT(h[1].signing, BH_SIGNING_REQUIRED); /* the latest word */
	EXPECT(!h[2].is_server && h[2].is_client && h[2].served == 0); /* silent is no service */
}

static void test_a_share_is_one_whatever_its_server_was_called(void)
{
	struct bh_row rows[4] = {
		row(1, 2, "\\\\fs1\\Finance", "alice"),
		row(4, 2, "\\\\10.0.0.2\\finance", "Alice"),
		row(5, 2, "\\\\fs1\\Finance", "bob"),
		row(5, 3, "\\\\fs1\\Finance", "bob"),
	};
	BH_AUTO_ARENA a = { 0 };
	const struct bh_share_row *s;
	size_t n;

	rows[0].who.encrypted = 1;
	rows[1].who.encrypted = 1;
	rows[2].who.encrypted = 0;
	rows[2].who.share_status = 0xc0000022; /* denied: says nothing about encryption */
	EXPECT_INT(bh_inventory_shares(rows, 4, &a, &s, &n), 0);
	EXPECT_INT(n, 2);
	EXPECT_STR(s[0].share, "\\\\fs1\\Finance");
	EXPECT_INT(s[0].clients, 3);
	EXPECT_INT(s[0].users, 2);
	EXPECT_INT(s[0].n_by, 1); /* bob was denied */
	EXPECT_STR(s[0].by[0], "Alice");
	EXPECT_INT(s[0].connections, 9);
	EXPECT_INT(s[0].denied, 3);
	EXPECT_INT(s[0].encrypted, 1);
	EXPECT_INT(s[1].clients, 1);

	rows[1].who.encrypted = 0;
	EXPECT_INT(bh_inventory_shares(rows, 4, &a, &s, &n), 0);
	EXPECT_INT(s[0].encrypted, 0); /* once in the clear is in the clear */
}

static void test_nothing_gives_nothing(void)
{
	BH_AUTO_ARENA a = { 0 };
	const struct bh_share_row *s;
	const struct bh_host_row *h;
	size_t n;

	EXPECT_INT(bh_inventory_shares(NULL, 0, &a, &s, &n), 0);
	EXPECT_INT(n, 0);
	EXPECT_INT(bh_inventory_hosts(NULL, 0, NULL, &a, &h, &n), 0);
	EXPECT_INT(n, 0);
}

int main(void)
{
	RUN(test_a_host_is_what_it_did);
	RUN(test_a_share_is_one_whatever_its_server_was_called);
	RUN(test_nothing_gives_nothing);
	return tap_done();
}
