#include "keeper/contacts.h"
#include "policy_helper.h"
#include "tap.h"

static const char policy[] = "# what the tests allow\n"
			     "network field 10.9.0.0/24\n"
			     "default block all-smb\n"
			     "service app tcp 8445\n"
			     "default block app\n"
			     "allow smb in from 10.9.0.2, fd00::2 to self\n"
			     "allow smb out from self \\\n"
			     "	to 10.9.0.3 \"files\"\n"
			     "block smb out from any to 10.9.0.9\n";

struct field {
	struct bh_arena a;
	struct bh_diags diags;
	struct bh_ready r;
	struct contact_list l;
	struct bh_addr own[2];
};

static void open_field(struct field *f, const char *text)
{
	static const uint8_t six[16] = { 0xfd, [15] = 1 };
	const struct bh_names names = { .resolve = resolve };

	*f = (struct field){ .own = { bh_addr_v4(0x0a090001), bh_addr_v6(six) } };
	f->diags.arena = f->l.a = &f->a;
	EXPECT_INT(bh_keeper_bind(
			   "p", bh_span_of(text, strlen(text)), &names, &f->a, &f->diags, &f->r),
		0);
	EXPECT_INT(f->diags.errors, 0);
	const struct bh_place place = { .addrs = f->own, .n_addrs = 2 };
	EXPECT_INT(bh_keeper_plan(&f->r, &place, &f->a), 0);
}

static void close_field(struct field *f)
{
	bh_arena_reset(&f->a);
}

static struct bh_lockout judged(struct field *f)
{
	const struct bh_contacts all = { f->l.v, f->l.n };
	struct bh_lockout l = { 0 };

	EXPECT_INT(bh_keeper_lockout(&f->r, &all, &f->a, &l), 0);
	return l;
}

static const char *peer_of(const struct bh_contact *c)
{
	static char text[BH_ADDR_TEXT];

	return bh_addr_format(&c->peer, text);
}

#define HEAD "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n"
#define REST " 00000000:00000000 00:00000000 00000000     0        0 1 1 0 20\n"

static void test_a_session_that_would_be_cut_is_named_with_its_sentence(void)
{
	struct field f;

	open_field(&f, policy);
	/* 10.9.0.1:445 from 10.9.0.77:50000, twice, and from .79; to 10.9.0.78:445 once. */
	contacts_read_tcp(HEAD "   0: 0100090A:01BD 4D00090A:C350 01" REST
			       "   1: 0100090A:01BD 4D00090A:C351 01" REST
			       "   2: 0100090A:C352 4E00090A:01BD 01" REST
			       "   3: 0100090A:01BD 4F00090A:C351 01" REST,
		f.r.bound, &f.l);
	struct bh_lockout l = judged(&f);
	EXPECT_INT(l.n_cuts, 3);
	EXPECT(l.cuts[0].contact->kind == BH_CONTACT_SERVED && l.cuts[0].contact->sessions == 2);
	EXPECT_STR(peer_of(l.cuts[0].contact), "10.9.0.77");
	EXPECT(l.cuts[0].line == 3 && !l.cuts[0].by_rule && l.cuts[0].needs_allow);
	EXPECT_STR(l.cuts[0].text, "default block all-smb");
	EXPECT(l.cuts[1].contact->kind == BH_CONTACT_SESSION);
	EXPECT_STR(peer_of(l.cuts[1].contact), "10.9.0.78");
	EXPECT_INT(l.n_add, 2);
	EXPECT_STR(l.add[0].text, "allow smb in from 10.9.0.77, 10.9.0.79 to 10.9.0.1");
	EXPECT_STR(l.add[1].text, "allow smb out from 10.9.0.1 to 10.9.0.78");
	/* Behind the last rule, continued lines and all. */
	EXPECT(l.add[0].line == 10 && l.add[1].line == 11);
	EXPECT_STR(l.add[0].file, "p");
	close_field(&f);
}

static void test_what_stays_is_not_named(void)
{
	struct field f;

	open_field(&f, policy);
	contacts_read_tcp(HEAD
		"   0: 0100090A:01BD 0200090A:C350 01" REST /* admitted in */
		"   1: 0100090A:C350 0300090A:01BD 01" REST /* admitted out */
		"   2: 0100090A:01BD 00000000:0000 0A" REST /* listens */
		"   3: 0100090A:20FD 4D00090A:01BB 01" REST /* 8445 as a client's own port */
		"   4: 0100090A:0016 4D00090A:C350 01" REST /* ssh */
		"   5: 0100007F:01BD 0100007F:C350 01" REST /* loopback */
		"   6: 0100090A:01BD 4D00090A:C350 06" REST, /* it has ended */
		f.r.bound, &f.l);
	EXPECT_INT(judged(&f).n_cuts, 0);
	close_field(&f);
}

static void test_a_session_on_a_high_port_goes_on_but_is_named(void)
{
	struct field f;

	open_field(&f, policy);
	contacts_read_tcp("   0: 00000000:20FD 00000000:0000 0A" REST
			  "   1: 0100090A:20FD 4D00090A:C350 01" REST,
		f.r.bound, &f.l);
	struct bh_lockout l = judged(&f);
	EXPECT(l.n_cuts == 1 && l.cuts[0].lasts);
	EXPECT(l.n_add == 1);
	EXPECT_STR(l.add[0].text, "allow app in from 10.9.0.77 to 10.9.0.1");
	close_field(&f);
}

static void test_where_a_block_decides_the_block_is_named(void)
{
	struct field f;

	open_field(&f, policy);
	contacts_read_tcp("   0: 0100090A:C352 0900090A:01BD 01" REST, f.r.bound, &f.l);
	struct bh_lockout l = judged(&f);
	EXPECT(l.n_cuts == 1 && l.cuts[0].by_rule && l.cuts[0].line == 9);
	EXPECT(l.cuts[0].needs_allow && l.n_add == 1);
	close_field(&f);
	open_field(&f,
		"default block smb\nallow smb from any to any\nblock smb from any to 10.9.0.9\n");
	contacts_read_tcp("   0: 0100090A:C352 0900090A:01BD 01" REST, f.r.bound, &f.l);
	l = judged(&f);
	EXPECT(l.n_cuts == 1 && l.cuts[0].by_rule && !l.cuts[0].needs_allow && !l.n_add);
	close_field(&f);
}

static void test_addresses_of_six_and_mapped_ones_are_read(void)
{
	struct field f;

	open_field(&f, policy);
	contacts_read_tcp("   0: 000000FD000000000000000001000000:01BD "
			  "000000FD000000000000000003000000:C350 01" REST
			  "   1: 0000000000000000FFFF00000100090A:01BD "
			  "0000000000000000FFFF00004D00090A:C350 01" REST
			  "   2: 000000FD000000000000000001000000:01BD "
			  "000000FD000000000000000002000000:C350 01" REST,
		f.r.bound, &f.l);
	struct bh_lockout l = judged(&f);
	EXPECT_INT(l.n_cuts, 2);
	EXPECT_STR(peer_of(l.cuts[0].contact), "fd00::3");
	EXPECT_STR(peer_of(l.cuts[1].contact), "10.9.0.77");
	EXPECT_STR(l.add[0].text, "allow smb in from fd00::3 to fd00::1");
	close_field(&f);
}

static void test_nonsense_names_nobody(void)
{
	struct field f;
	static const char text[] = "   0: xyz:01BD 4D00090A:C350 01\n"
				   "   0: 0100090A:01BD 4D00090A 01\n   1: 0100090A:01BD\n"
				   "   0: 0100090A01:01BD 4D00090A:C350 01\n";

	open_field(&f, policy);
	contacts_read_tcp("", f.r.bound, &f.l);
	for (size_t n = 0; n < sizeof text; n++)
		contacts_read_tcp(bh_arena_strn(&f.a, text, n), f.r.bound, &f.l);
	EXPECT_INT(f.l.n, 0);
	close_field(&f);
}

/* ---- mounts ---- */

#define MOUNTS                                                                                     \
	"proc /proc proc rw,nosuid 0 0\n"                                                          \
	"//fs1/home /mnt/my\\040files cifs rw,vers=3.1.1,username=a,addr=10.9.0.78,uid=0 0 0\n"    \
	"//fs2.corp.example/x /mnt/x smb3 rw,vers=3.1.1 0 0\n"                                     \
	"//six/y /mnt/six cifs rw,addr=fd00:0000:0000:0000:0000:0000:0000:0077%2,port=8445 0 0\n"  \
	"//10.9.0.3/fine /mnt/fine cifs rw 0 0\n"                                                  \
	"nfs:/z /mnt/z nfs4 rw,addr=10.9.0.99 0 0\n"

static void test_mounts_are_told_with_their_servers(void)
{
	struct field f;

	open_field(&f, policy);
	contacts_read_mounts(MOUNTS, &f.r.names, &f.l);
	EXPECT_INT(f.l.n, 4);
	struct bh_lockout l = judged(&f);
	EXPECT_INT(l.n_cuts, 3);
	EXPECT_STR(l.cuts[0].contact->where, "/mnt/my files");
	EXPECT_STR(l.cuts[0].contact->what, "//fs1/home");
	EXPECT_STR(peer_of(l.cuts[0].contact), "10.9.0.78");
	EXPECT_STR(peer_of(l.cuts[1].contact), "10.10.1.2"); /* by its name */
	EXPECT_STR(peer_of(l.cuts[2].contact), "fd00::77");
	EXPECT_INT(l.cuts[2].contact->service.port, 8445);
	/* From which address is not known: from this machine. */
	EXPECT_STR(l.add[0].text, "allow smb out from self to 10.9.0.78, 10.10.1.2");
	close_field(&f);
}

static void test_the_session_of_a_mount_is_told_once_and_says_from_where(void)
{
	struct field f;

	open_field(&f, policy);
	contacts_read_mounts(MOUNTS, &f.r.names, &f.l);
	contacts_read_tcp("   0: 0100090A:C352 4E00090A:01BD 01" REST
			  "   1: 0100090A:C353 4F00090A:01BD 01" REST,
		f.r.bound, &f.l);
	contacts_join_mounts(&f.l);
	EXPECT_INT(f.l.n, 5);
	EXPECT(f.l.v[0].sessions == 1 && f.l.v[0].here.num == 0x0a090001);
	EXPECT(f.l.v[4].kind == BH_CONTACT_SESSION && f.l.v[4].peer.num == 0x0a09004f);
	close_field(&f);
}

static void test_every_truncation_of_the_mounts_does_no_harm(void)
{
	struct field f;

	open_field(&f, policy);
	for (size_t n = 0; n <= strlen(MOUNTS); n++) {
		f.l.n = 0;
		contacts_read_mounts(bh_arena_strn(&f.a, MOUNTS, n), &f.r.names, &f.l);
		EXPECT(f.l.n <= 4);
	}
	close_field(&f);
}

/* ---- controllers ---- */

static void test_nobody_reached_means_no_controller_reached(void)
{
	const struct bh_contact one = { .kind = BH_CONTACT_DOMAIN,
		.service = { 445, BH_TCP },
		.where = "corp.example",
		.because = "sssd" };
	struct field f;

	open_field(&f, policy);
	EXPECT(contact_add(&f.l, &one));
	EXPECT_INT(judged(&f).n_cuts, 0); /* somebody is reached: it may be one */
	close_field(&f);
	open_field(&f, "default block all-smb\n");
	EXPECT(contact_add(&f.l, &one));
	struct bh_lockout l = judged(&f);
	EXPECT(l.n_cuts == 1 && !l.n_add); /* nobody knows whom to allow */
	close_field(&f);
	open_field(&f, "default block smb in\n");
	EXPECT(contact_add(&f.l, &one));
	EXPECT_INT(judged(&f).n_cuts, 0);
	close_field(&f);
}

/* What the refusal says is enough: with its sentences nothing is cut any more. */
static void test_the_sentences_keep_everything(void)
{
	static const char sockets[] = "   0: 0100090A:01BD 4D00090A:C350 01" REST
				      "   1: 0100090A:008B 4D00090A:C351 01" REST
				      "   2: 0100090A:C352 4E00090A:01BD 01" REST
				      "   3: 000000FD000000000000000001000000:01BD "
				      "000000FD000000000000000003000000:C350 01" REST;
	struct field f, g;
	BH_AUTO_BUF text = { 0 };

	open_field(&f, policy);
	contacts_read_tcp(sockets, f.r.bound, &f.l);
	contacts_read_mounts(MOUNTS, &f.r.names, &f.l);
	struct bh_lockout l = judged(&f);
	EXPECT(l.n_cuts == 7 && l.n_add);
	bh_buf_str(&text, policy);
	for (size_t i = 0; i < l.n_add; i++)
		bh_buf_printf(&text, "%s\n", l.add[i].text);
	open_field(&g, bh_buf_text(&text));
	contacts_read_tcp(sockets, g.r.bound, &g.l);
	contacts_read_mounts(MOUNTS, &g.r.names, &g.l);
	EXPECT_INT(judged(&g).n_cuts, 0);
	close_field(&f);
	close_field(&g);
}

int main(void)
{
	RUN(test_a_session_that_would_be_cut_is_named_with_its_sentence);
	RUN(test_what_stays_is_not_named);
	RUN(test_a_session_on_a_high_port_goes_on_but_is_named);
	RUN(test_where_a_block_decides_the_block_is_named);
	RUN(test_addresses_of_six_and_mapped_ones_are_read);
	RUN(test_nonsense_names_nobody);
	RUN(test_mounts_are_told_with_their_servers);
	RUN(test_the_session_of_a_mount_is_told_once_and_says_from_where);
	RUN(test_every_truncation_of_the_mounts_does_no_harm);
	RUN(test_nobody_reached_means_no_controller_reached);
	RUN(test_the_sentences_keep_everything);
	return tap_done();
}
