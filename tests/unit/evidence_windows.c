#include "evidence/evidence.h"
#include "model/pipe.h"
#include "tap.h"

#define SECURITY "Microsoft-Windows-Security-Auditing"
#define SERVER   "Microsoft-Windows-SMBServer"
#define CLIENT   "Microsoft-Windows-SMBClient"
#define NTLM     "Microsoft-Windows-NTLM"
#define NOW      (1769860800 * BH_SECOND)

static struct bh_span span(const char *s)
{
	return bh_span_of(s, strlen(s));
}

/* An event from names and texts by turns, NULL at their end. */
struct made {
	struct bh_event e;
	struct bh_event_value v[BH_EVENT_VALUES];
};

static struct made *make(const char *provider, uint32_t id, const char *const values[])
{
	static struct made ring[4]; /* one may be kept while others are made */
	static unsigned turn;
	struct made *m = &ring[turn++ % BH_LEN(ring)];

	*m = (struct made){ .e = { .provider = span(provider),
				    .computer = span("fs1.corp.example"),
				    .id = id,
				    .when = NOW,
				    .values = m->v } };
	for (size_t i = 0; values[2 * i]; i++) {
		m->v[i] = (struct bh_event_value){ span(values[2 * i]), span(values[2 * i + 1]) };
		m->e.n_values++;
	}
	return m;
}

#define EVENT(provider, id, ...) make(provider, id, (const char *const[]){ __VA_ARGS__, NULL })

static struct bh_observation told(const struct made *m)
{
	struct bh_observation o = { 0 };
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_LEAF };
	int r = bh_evidence_windows(&m->e, &o);

	EXPECT_INT(r, 0);
	if (r)
		exit(tap_done());
	EXPECT(bh_evidence_windows_reads(m->e.provider, m->e.id));
	EXPECT(o.when == NOW);
	f.leaf_is.who = o.who;
	EXPECT(bh_fact_sane(&f));
	return o;
}

static int refused(const struct made *m)
{
	struct bh_observation o;

	return bh_evidence_windows(&m->e, &o);
}

static const char *addr(const struct bh_addr *a)
{
	static char text[4][BH_ADDR_TEXT];
	static unsigned i;

	return bh_addr_format(a, text[i++ % 4]);
}

/* ---- Security ---- */

static struct made *share_event(uint32_t id, const char *ip, const char *share)
{
	return EVENT(SECURITY, id, "SubjectUserSid", "S-1-5-21-1-2-3-1104", "SubjectUserName",
		"alice", "SubjectDomainName", "CORP", "SubjectLogonId", "0x1234", "ObjectType",
		"File", "IpAddress", ip, "IpPort", "49873", "ShareName", share, "ShareLocalPath",
		"\\??\\C:\\Home", "RelativeTargetName", "\\svcctl", "AccessMask", "0x1");
}

static void test_5140_is_a_tree_connect_of_its_user(void)
{
	struct bh_observation o = told(share_event(5140, "10.0.0.21", "\\\\*\\Home"));
	const struct bh_conversation *c = &o.who;

	EXPECT_STR(addr(&c->client), "10.0.0.21");
	EXPECT_INT(c->server.family, BH_NO_ADDR);
	EXPECT_STR(c->server_name, "fs1.corp.example");
	EXPECT_STR(c->share, "\\\\*\\Home");
	EXPECT_STR(c->user, "alice");
	EXPECT_STR(c->domain, "CORP");
	EXPECT_INT(c->port, 445);
	EXPECT_INT(c->transport, BH_TRANSPORT_TCP445);
	EXPECT_INT(c->outcome, BH_ANSWERED);
	EXPECT_INT(c->share_type, BH_SHARE_DISK);
	EXPECT_INT(c->auth, BH_AUTH_UNKNOWN);
	EXPECT_INT(c->guest, BH_UNKNOWN);
	EXPECT(!(c->known & BH_KNOWN_SHARE_STATUS));
	EXPECT_INT(o.connections, 1);
	EXPECT_INT(o.opens, 0);
}

static void test_a_failure_of_5140_is_a_share_denied(void)
{
	struct made *m = share_event(5140, "10.0.0.21", "\\\\*\\ADMIN$");

	m->e.keywords = 0x8010000000000000u;
	struct bh_observation o = told(m);
	EXPECT(o.who.known & BH_KNOWN_SHARE_STATUS);
	EXPECT_INT(o.who.share_status, 0xc0000022);
	m->e.keywords = 0x8020000000000000u;
	o = told(m);
	EXPECT(!(o.who.known & BH_KNOWN_SHARE_STATUS));
}

static void test_5145_names_the_pipe_of_ipc(void)
{
	struct bh_observation o = told(share_event(5145, "10.0.0.21", "\\\\*\\IPC$"));

	EXPECT_INT(o.pipes, 1u << BH_PIPE_SVCCTL);
	EXPECT_INT(o.opens, 1);
	EXPECT_INT(o.connections, 0);
	EXPECT_INT(o.who.share_type, BH_SHARE_PIPE);
	o = told(share_event(5145, "10.0.0.21", "\\\\*\\Home"));
	EXPECT_INT(o.pipes, 0);
	EXPECT_INT(o.opens, 1);
}

static void test_the_same_access_is_one_row_in_both(void)
{
	struct bh_observation a = told(share_event(5140, "10.0.0.21", "\\\\*\\Home"));
	struct bh_observation b = told(share_event(5145, "10.0.0.21", "\\\\*\\Home"));

	EXPECT(bh_conversation_equal(&a.who, &b.who));
}

static void test_addresses_are_read_in_every_form(void)
{
	static const char *const forms[][2] = { { "::1", "::1" }, { "fe80::21%7", "fe80::21" },
		{ "::ffff:10.0.0.9", "10.0.0.9" }, { "2001:db8::1", "2001:db8::1" } };

	for (size_t i = 0; i < BH_LEN(forms); i++) {
		struct bh_observation o = told(share_event(5140, forms[i][0], "\\\\*\\Home"));
		EXPECT_STR(addr(&o.who.client), forms[i][1]);
	}
	EXPECT_INT(refused(share_event(5140, "-", "\\\\*\\Home")), -ENOMSG);
	EXPECT_INT(refused(share_event(5140, "", "\\\\*\\Home")), -ENOMSG);
	EXPECT_INT(refused(share_event(5140, "10.0.0.256", "\\\\*\\Home")), -EBADMSG);
	EXPECT_INT(refused(share_event(5140, "10.0.0.21", "-")), -EBADMSG);
}

static void test_anonymous_and_guest_are_known_by_their_sids(void)
{
	struct bh_observation o = told(EVENT(SECURITY, 5140, "SubjectUserSid", "S-1-5-7",
		"SubjectUserName", "ANONYMOUS-ANMELDUNG", "IpAddress", "10.0.0.9", "ShareName",
		"\\\\*\\IPC$"));
	EXPECT_INT(o.who.auth, BH_AUTH_ANONYMOUS);
	o = told(EVENT(SECURITY, 5140, "SubjectUserSid", "S-1-5-21-1-2-3-501", "SubjectUserName",
		"Gast", "IpAddress", "10.0.0.9", "ShareName", "\\\\*\\IPC$"));
	EXPECT_INT(o.who.guest, 1);
	o = told(EVENT(SECURITY, 5140, "SubjectUserName", "Guest", "IpAddress", "10.0.0.9",
		"ShareName", "\\\\*\\IPC$"));
	EXPECT_INT(o.who.guest, 1);
	o = told(EVENT(SECURITY, 5140, "SubjectUserName", "PC21$", "IpAddress", "10.0.0.9",
		"ShareName", "\\\\*\\IPC$"));
	EXPECT_STR(o.who.user, "PC21$");
	EXPECT_INT(o.who.guest, BH_UNKNOWN);
}

static void test_an_export_without_providers_is_of_the_security_log(void)
{
	struct made *m = share_event(5140, "10.0.0.21", "\\\\*\\Home");

	m->e.provider = (struct bh_span){ 0 };
	EXPECT_INT(told(m).connections, 1);
	m->e.provider = span("Somebody-Else");
	EXPECT_INT(refused(m), -ENOMSG);
	EXPECT(!bh_evidence_windows_reads(m->e.provider, 5140));
	EXPECT(!bh_evidence_windows_reads((struct bh_span){ 0 }, 551));
}

static struct made *filter_event(uint32_t id, const char *direction, const char *src,
	const char *sport, const char *dst, const char *dport)
{
	return EVENT(SECURITY, id, "ProcessID", "4", "Application", "System", "Direction",
		direction, "SourceAddress", src, "SourcePort", sport, "DestAddress", dst,
		"DestPort", dport, "Protocol", "6");
}

static void expect_flow(struct made *m, const char *client, const char *server, uint16_t port)
{
	struct bh_observation o = told(m);

	EXPECT_STR(addr(&o.who.client), client);
	EXPECT_STR(addr(&o.who.server), server);
	EXPECT_INT(o.who.port, port);
	EXPECT_INT(o.connections, 1);
}

static void test_who_has_the_port_of_smb_serves(void)
{
	const char *in = "%%14592", *out = "%%14593";

	expect_flow(filter_event(5156, in, "10.0.0.5", "445", "10.0.0.21", "50123"), "10.0.0.21",
		"10.0.0.5", 445);
	expect_flow(filter_event(5156, in, "10.0.0.21", "50123", "10.0.0.5", "445"), "10.0.0.21",
		"10.0.0.5", 445);
	expect_flow(filter_event(5156, out, "10.0.0.21", "50123", "10.0.0.5", "139"), "10.0.0.21",
		"10.0.0.5", 139);
	expect_flow(filter_event(5156, in, "10.0.0.5", "445", "10.0.0.21", "445"), "10.0.0.21",
		"10.0.0.5", 445);
	expect_flow(filter_event(5156, out, "10.0.0.21", "445", "10.0.0.5", "445"), "10.0.0.21",
		"10.0.0.5", 445);
	struct bh_observation o =
		told(filter_event(5156, out, "fe80::1", "50123", "fe80::2", "5445"));
	EXPECT_INT(o.who.transport, BH_TRANSPORT_RDMA5445);
	EXPECT_INT(o.who.outcome, BH_OUTCOME_UNKNOWN);
	o = told(filter_event(5157, out, "10.0.0.21", "50123", "10.0.0.5", "139"));
	EXPECT_INT(o.who.transport, BH_TRANSPORT_NBSS139);
	EXPECT_INT(o.who.outcome, BH_BLOCKED);
}

static void test_a_connection_of_a_machine_with_itself_counts_once(void)
{
	struct bh_observation o =
		told(filter_event(5156, "%%14593", "fe80::1", "50123", "fe80::1", "445"));

	EXPECT_INT(o.connections, 1);
	o = told(filter_event(5156, "%%14592", "fe80::1", "445", "fe80::1", "50123"));
	EXPECT_INT(o.connections, 0);
	EXPECT_INT(o.who.port, 445);
	o = told(filter_event(5157, "%%14592", "fe80::1", "445", "fe80::1", "50123"));
	EXPECT_INT(o.connections, 1);
}

static void test_other_packets_are_nothing_of_smb(void)
{
	struct made *m = filter_event(5156, "%%14593", "10.0.0.21", "50123", "10.0.0.5", "389");

	EXPECT_INT(refused(m), -ENOMSG);
	m = filter_event(5156, "%%14593", "10.0.0.21", "50123", "10.0.0.5", "445");
	m->v[7].text = span("17");
	EXPECT_INT(refused(m), -ENOMSG);
	m = filter_event(5156, "%%14593", "10.0.0.21", "0", "10.0.0.5", "0");
	EXPECT_INT(refused(m), -ENOMSG);
	m = filter_event(5156, "%%14593", "10.0.0.21", "50123", "fe80::1", "445");
	EXPECT_INT(refused(m), -EBADMSG);
	m = filter_event(5156, "%%14593", "", "50123", "10.0.0.5", "445");
	EXPECT_INT(refused(m), -EBADMSG);
	m = filter_event(5156, "%%14593", "10.0.0.21", "50123", "10.0.0.5", "445");
	m->v[7].text = span("TCP");
	EXPECT_INT(refused(m), -EBADMSG);
}

/* ---- logons ---- */

static struct made *logon_event(
	uint32_t id, const char *type, const char *package, const char *lm, const char *workstation)
{
	return EVENT(SECURITY, id, "TargetUserSid", "S-1-5-21-1-2-3-1104", "TargetUserName",
		"Alice", "TargetDomainName", "CORP", "TargetLogonId", "0x1234", "LogonType", type,
		"AuthenticationPackageName", package, "WorkstationName", workstation,
		"LmPackageName", lm, "IpAddress", "10.0.0.21", "Status", "0xc000006d", "SubStatus",
		"0xc000006a");
}

static void test_a_logon_alone_is_no_smb(void)
{
	struct bh_observation o;

	EXPECT_INT(refused(logon_event(4624, "3", "NTLM", "NTLM V2", "PC21")), -ENOMSG);
	EXPECT_INT(refused(logon_event(4625, "3", "NTLM", "NTLM V2", "PC21")), -ENOMSG);

	struct made *m = logon_event(4624, "3", "NTLM", "NTLM V2", "PC21");
	EXPECT_INT(bh_evidence_logon(&m->e, &o), 0);
	EXPECT_STR(addr(&o.who.client), "10.0.0.21");
	EXPECT_STR(o.who.server_name, "fs1.corp.example");
	EXPECT_STR(o.who.user, "Alice");
	EXPECT_STR(o.who.workstation, "PC21");
	EXPECT_INT(o.who.auth, BH_AUTH_NTLM);
	EXPECT_INT(o.who.ntlm, BH_NTLM_V2);
	EXPECT_INT(o.who.auth_status, 0);
	EXPECT(o.who.known & BH_KNOWN_AUTH_STATUS);
	EXPECT_INT(o.who.port, 0);
	EXPECT_INT(o.connections, 0);
	m = logon_event(4625, "3", "NTLM", "-", "-");
	EXPECT_INT(bh_evidence_logon(&m->e, &o), 0);
	EXPECT_INT(o.who.auth_status, 0xc000006d);
	EXPECT(!(o.who.known & BH_KNOWN_WORKSTATION));
	EXPECT_INT(bh_evidence_logon(&logon_event(4624, "2", "NTLM", "-", "-")->e, &o), -ENOMSG);
	EXPECT_INT(bh_evidence_logon(&share_event(5140, "10.0.0.1", "\\\\*\\a")->e, &o), -ENOMSG);
}

static void test_a_session_is_told_with_how_it_was_opened(void)
{
	BH_AUTO(bh_logons) l = NULL;

	if (bh_logons_new(445, &l))
		exit(1);
	bh_logons_note(l, &logon_event(4624, "3", "NTLM", "NTLM V1", "PC21")->e);
	struct made *m = share_event(5140, "10.0.0.21", "\\\\*\\Home");
	struct bh_observation o = told(m);
	bh_logons_join(l, &m->e, &o);
	EXPECT_INT(o.who.auth, BH_AUTH_NTLM);
	EXPECT_INT(o.who.ntlm, BH_NTLM_V1);
	EXPECT_STR(o.who.workstation, "PC21");

	bh_logons_note(l, &logon_event(4624, "3", "Kerberos", "-", "-")->e);
	o = told(m);
	bh_logons_join(l, &m->e, &o);
	EXPECT_INT(o.who.auth, BH_AUTH_KERBEROS);
	EXPECT_INT(o.who.ntlm, BH_NTLM_UNKNOWN);
	EXPECT(!(o.who.known & BH_KNOWN_WORKSTATION));
}

static void test_numbers_of_other_machines_and_users_are_other_sessions(void)
{
	BH_AUTO(bh_logons) l = NULL;

	if (bh_logons_new(445, &l))
		exit(1);
	bh_logons_note(l, &logon_event(4624, "3", "NTLM", "NTLM V1", "PC21")->e);
	struct made *m = share_event(5140, "10.0.0.21", "\\\\*\\Home");
	struct bh_observation o = told(m);
	m->e.computer = span("fs2.corp.example");
	bh_logons_join(l, &m->e, &o);
	EXPECT_INT(o.who.auth, BH_AUTH_UNKNOWN);
	m->e.computer = span("FS1.corp.example");
	m->v[1].text = span("bob");
	bh_logons_join(l, &m->e, &o);
	EXPECT_INT(o.who.auth, BH_AUTH_UNKNOWN);
	m->v[1].text = span("ALICE");
	m->v[3].text = span("0x1235");
	bh_logons_join(l, &m->e, &o);
	EXPECT_INT(o.who.auth, BH_AUTH_UNKNOWN);
	m->v[3].text = span("4660");
	bh_logons_join(l, &m->e, &o);
	EXPECT_INT(o.who.auth, BH_AUTH_NTLM);
}

static void test_a_flood_of_logons_leaves_the_newest(void)
{
	BH_AUTO(bh_logons) l = NULL;
	struct bh_observation o;
	char number[32];
	unsigned found = 0;

	if (bh_logons_new(445, &l))
		exit(1);
	for (unsigned i = 1; i <= 4 * BH_LOGONS; i++) {
		struct made *m = logon_event(4624, "3", "NTLM", "NTLM V2", "PC21");
		snprintf(number, sizeof number, "0x%x", i);
		m->v[3].text = span(number);
		bh_logons_note(l, &m->e);
	}
	for (unsigned i = 4 * BH_LOGONS; i > 4 * BH_LOGONS - 100; i--) {
		struct made *m = share_event(5140, "10.0.0.21", "\\\\*\\Home");
		snprintf(number, sizeof number, "%u", i);
		m->v[3].text = span(number);
		o = told(m);
		bh_logons_join(l, &m->e, &o);
		found += o.who.auth == BH_AUTH_NTLM;
	}
	EXPECT(found >= 95);
}

static void test_anonymous_logons_are_no_ntlmv1(void)
{
	struct made *m = logon_event(4624, "3", "NTLM", "NTLM V1", "PC21");
	struct bh_observation o;

	m->v[0].text = span("S-1-5-7");
	EXPECT_INT(bh_evidence_logon(&m->e, &o), 0);
	EXPECT_INT(o.who.auth, BH_AUTH_ANONYMOUS);
	EXPECT_INT(o.who.ntlm, BH_NTLM_UNKNOWN);
}

/* ---- SMBServer ---- */

static void test_smb1_is_told_without_its_dialect(void)
{
	struct bh_observation o = told(EVENT(SERVER, 3000, "ClientName", "10.0.0.9"));

	EXPECT_STR(addr(&o.who.client), "10.0.0.9");
	EXPECT_STR(o.who.server_name, "fs1.corp.example");
	EXPECT_INT(o.who.dialect, BH_DIALECT_SMB1_OTHER);
	EXPECT_INT(o.who.smb1_offered, 1);
	EXPECT_INT(o.connections, 1);
	o = told(EVENT(SERVER, 1001, "ClientName", "\\\\OLDSCAN"));
	EXPECT_STR(o.who.workstation, "OLDSCAN");
	EXPECT_INT(o.who.dialect, BH_DIALECT_UNKNOWN);
	EXPECT_INT(o.who.smb1_offered, 1);
	EXPECT_INT(refused(EVENT(SERVER, 3000, "ClientName", "")), -ENOMSG);
}

static void test_a_socket_address_is_read_with_dashes_and_without(void)
{
	static const char *const forms[][2] = {
		{ "0200CF1B0A000015000000000000000002", "10.0.0.21" },
		{ "02-00-CF-1B-0A-00-00-15-00-00-00-00-00-00-00-00-02-00", "10.0.0.21" },
		{ "0200cf1b0a000015", "10.0.0.21" },
		{ "1700CF1B00000000FE80000000000000000000000000002107000000", "fe80::21" },
		{ "1700CF1B0000000000000000000000000000FFFF0A00001500000000", "10.0.0.21" },
		{ "10.0.0.21", "10.0.0.21" },
	};
	static const char *const lies[] = { "02", "0200CF1B0A0000", "0300CF1B0A000015",
		"0200CF1B00000000", "0200CF1BZZ000015", "1700CF1B00000000FE80", "-" };

	for (size_t i = 0; i < BH_LEN(forms); i++) {
		struct bh_observation o = told(
			EVENT(SERVER, 551, "Status", "0xC000006D", "ClientAddress", forms[i][0],
				"UserName", "CORP\\bob", "ClientName", "\\\\10.0.0.21"));
		EXPECT_STR(addr(&o.who.client), forms[i][1]);
		EXPECT_STR(o.who.user, "bob");
		EXPECT_STR(o.who.domain, "CORP");
		EXPECT_INT(o.who.auth_status, 0xc000006d);
		EXPECT_INT(o.who.outcome, BH_ANSWERED);
	}
	for (size_t i = 0; i < BH_LEN(lies); i++)
		EXPECT_INT(refused(EVENT(SERVER, 551, "ClientAddress", lies[i])), -ENOMSG);
}

static void test_what_the_server_denied_is_told(void)
{
	struct bh_observation o = told(EVENT(SERVER, 1006, "ShareName", "\\\\*\\Secret",
		"ClientAddress", "0200CF1B0A000015", "UserName", "alice", "ClientName", "\\\\PC21",
		"Status", "0xC0000022"));
	EXPECT_STR(o.who.share, "\\\\*\\Secret");
	EXPECT_STR(o.who.workstation, "PC21");
	EXPECT_INT(o.who.share_status, 0xc0000022);
	EXPECT(o.who.known & BH_KNOWN_SHARE_STATUS);
	o = told(EVENT(
		SERVER, 1009, "ClientAddress", "0200CF1B0A000015", "ClientName", "\\\\10.0.0.21"));
	EXPECT_INT(o.who.auth, BH_AUTH_ANONYMOUS);
	o = told(EVENT(SERVER, 1007, "ShareName", "\\\\*\\IPC$", "ClientName", "\\\\10.0.0.21"));
	EXPECT_INT(o.who.auth, BH_AUTH_ANONYMOUS);
}

static void test_what_a_client_cannot_is_told(void)
{
	struct bh_observation o = told(EVENT(SERVER, 3021, "ClientName", "\\\\10.0.0.9"));

	EXPECT_INT(o.who.signing_client, BH_SIGNING_OFF);
	EXPECT_INT(o.who.encrypted, BH_UNKNOWN);
	o = told(EVENT(SERVER, 3022, "ClientName", "\\\\10.0.0.9"));
	EXPECT_INT(o.who.encrypted, 0);
	o = told(EVENT(SERVER, 3027, "ClientName", "10.0.0.9"));
	EXPECT_INT(o.who.dialect, BH_DIALECT_SMB1_OTHER);
	EXPECT_INT(o.who.signing_client, BH_SIGNING_UNKNOWN);
	o = told(EVENT(SERVER, 3025, "ClientName", "10.0.0.9"));
	EXPECT_INT(o.who.signing_client, BH_SIGNING_UNKNOWN);
	o = told(EVENT(SERVER, 3007, "ClientName", "10.0.0.9"));
	EXPECT_INT(o.who.transport, BH_TRANSPORT_QUIC443);
	EXPECT_INT(o.who.port, 443);
}

/* ---- SMBClient, NTLM ---- */

static void test_a_client_names_itself_and_the_server(void)
{
	struct bh_observation o = told(EVENT(CLIENT, 30803, "Reason", "1", "Status", "3221226038",
		"ServerNameLength", "4", "ServerName", "\\fs9", "AddressLength", "16", "Address",
		"020001BD0A000009000000000000000", "ConnectionType", "1"));
	EXPECT_STR(o.who.workstation, "fs1.corp.example");
	EXPECT_INT(o.who.client.family, BH_NO_ADDR);
	EXPECT_STR(o.who.server_name, "fs9");
	EXPECT_STR(addr(&o.who.server), "10.0.0.9");
	EXPECT_INT(o.who.outcome, BH_REFUSED);
	EXPECT_INT(o.connections, 1);
	o = told(EVENT(CLIENT, 30803, "Status", "0xc00000b5", "ServerName", "\\fs9"));
	EXPECT_INT(o.who.outcome, BH_SILENT);
	o = told(EVENT(CLIENT, 30804, "Status", "0", "ServerName", "\\10.0.0.9"));
	EXPECT_STR(addr(&o.who.server), "10.0.0.9");
	EXPECT_INT(o.who.outcome, BH_ANSWERED);
	EXPECT_INT(o.connections, 0);
	o = told(EVENT(CLIENT, 30832, "ServerName", "edge.corp.example"));
	EXPECT_INT(o.who.transport, BH_TRANSPORT_QUIC443);
	EXPECT_INT(o.who.port, 443);
	EXPECT_INT(refused(EVENT(CLIENT, 30810, "Name", "Ethernet", "IfIndex", "7")), -ENOMSG);
}

static void test_a_share_that_could_not_be_reached_names_its_server(void)
{
	struct bh_observation o = told(EVENT(CLIENT, 31010, "Status", "0xc0000022", "ShareName",
		"\\fs9\\Secret", "ObjectName", ""));
	EXPECT_STR(o.who.share, "\\\\fs9\\Secret");
	EXPECT_STR(o.who.server_name, "fs9");
	EXPECT_INT(o.who.share_status, 0xc0000022);
	EXPECT_INT(o.who.outcome, BH_ANSWERED);
	o = told(EVENT(CLIENT, 31010, "Status", "0xc000005e", "ShareName", "\\\\10.0.0.9\\x"));
	EXPECT_STR(o.who.share, "\\\\10.0.0.9\\x");
	EXPECT_STR(addr(&o.who.server), "10.0.0.9");
	EXPECT_INT(o.who.outcome, BH_OUTCOME_UNKNOWN);
	o = told(EVENT(CLIENT, 31001, "Status", "0xc000006d", "ServerName", "\\fs9", "UserName",
		"CORP\\bob", "PrincipalName", "cifs/fs9.corp.example"));
	EXPECT_STR(o.who.service, "cifs/fs9.corp.example");
	EXPECT_STR(o.who.user, "bob");
	EXPECT_INT(o.who.auth_status, 0xc000006d);
	o = told(EVENT(CLIENT, 31017, "UserName", "", "ServerName", "\\172.31.30.112"));
	EXPECT_INT(o.who.guest, 1);
	o = told(EVENT(CLIENT, 31998, "ServerName", "\\nas"));
	EXPECT_INT(o.who.signing_server, BH_SIGNING_UNKNOWN);
}

static void test_only_ntlm_for_files_is_smb(void)
{
	struct bh_observation o = told(EVENT(NTLM, 8001, "TargetName", "CIFS/fs9.corp.example",
		"UserName", "(NULL)", "DomainName", "(NULL)", "ClientUserName", "alice",
		"ClientDomainName", "CORP"));
	EXPECT_STR(o.who.server_name, "fs9.corp.example");
	EXPECT_STR(o.who.service, "CIFS/fs9.corp.example");
	EXPECT_STR(o.who.workstation, "fs1.corp.example");
	EXPECT_STR(o.who.user, "alice");
	EXPECT_INT(o.who.auth, BH_AUTH_NTLM);
	EXPECT_INT(refused(EVENT(NTLM, 8001, "TargetName", "HTTP/web")), -ENOMSG);
	EXPECT_INT(refused(EVENT(NTLM, 8002, "CallerPID", "4")), -ENOMSG);
	struct made *m = EVENT(NTLM, 8004, "SChannelName", "FS9", "UserName", "bob", "DomainName",
		"CORP", "WorkstationName", "PC9", "SChannelType", "2");
	EXPECT_INT(refused(m), -ENOMSG);
	EXPECT_INT(bh_evidence_logon(&m->e, &o), 0);
	EXPECT_STR(o.who.server_name, "FS9");
	EXPECT_STR(o.who.workstation, "PC9");
	EXPECT_STR(o.who.user, "bob");
}

/* ---- names ---- */

static void test_a_name_is_told_with_its_address(void)
{
	struct bh_name_seen n;
	struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_NAME };

	EXPECT_INT(
		bh_evidence_windows_name(
			&filter_event(5156, "%%14593", "10.0.0.5", "50123", "10.0.0.9", "389")->e,
			&n),
		0);
	EXPECT_STR(addr(&n.addr), "10.0.0.5");
	EXPECT_STR(n.name, "fs1.corp.example");
	f.name = n;
	EXPECT(bh_fact_sane(&f));
	EXPECT_INT(
		bh_evidence_windows_name(
			&filter_event(5156, "%%14592", "10.0.0.5", "445", "10.0.0.9", "50123")->e,
			&n),
		0);
	EXPECT_STR(addr(&n.addr), "10.0.0.5");
	EXPECT_INT(
		bh_evidence_windows_name(
			&filter_event(5156, "%%14592", "10.0.0.5", "389", "10.0.0.9", "50123")->e,
			&n),
		-ENOMSG);
	EXPECT_INT(
		bh_evidence_windows_name(
			&filter_event(5156, "%%14593", "127.0.0.1", "50123", "127.0.0.1", "445")->e,
			&n),
		-ENOMSG);
	EXPECT_INT(
		bh_evidence_windows_name(&logon_event(4624, "3", "NTLM", "NTLM V2", "PC21")->e, &n),
		0);
	EXPECT_STR(addr(&n.addr), "10.0.0.21");
	EXPECT_STR(n.name, "PC21");
	EXPECT_INT(
		bh_evidence_windows_name(&logon_event(4624, "3", "NTLM", "NTLM V2", "a b")->e, &n),
		-ENOMSG);
}

/* ---- anything at all ---- */

static void test_texts_of_any_kind_make_sane_rows(void)
{
	static char longest[3000];

	memset(longest, 'x', sizeof longest - 1);
	static const char *const texts[] = { "", "\x1b[2J", "\xff\xfe", "\xc2\x9b", "a\\b\\c",
		"\\\\", "0200", "%%1", longest };
	for (size_t i = 0; i < BH_LEN(texts); i++) {
		const char *t = texts[i];
		const struct {
			const char *provider;
			uint32_t id;
		} kinds[] = { { SECURITY, 5140 }, { SECURITY, 5145 }, { SECURITY, 5156 },
			{ SERVER, 551 }, { SERVER, 1006 }, { SERVER, 3000 }, { CLIENT, 30803 },
			{ CLIENT, 31010 }, { CLIENT, 31001 }, { NTLM, 8001 } };
		for (size_t k = 0; k < BH_LEN(kinds); k++) {
			struct made *m = EVENT(kinds[k].provider, kinds[k].id, "IpAddress",
				"10.0.0.1", "ShareName", t, "SubjectUserName", t, "SubjectUserSid",
				t, "RelativeTargetName", t, "ClientName", t, "ClientAddress", t,
				"ServerName", t, "UserName", t, "PrincipalName", t, "TargetName", t,
				"Status", t, "Protocol", t);
			struct bh_fact f = { .magic = BH_FACT_MAGIC, .kind = BH_FACT_LEAF };
			struct bh_observation o;
			m->e.computer = span(t);
			if (!bh_evidence_windows(&m->e, &o)) {
				f.leaf_is.who = o.who;
				EXPECT(bh_fact_sane(&f));
			}
		}
	}
}

int main(void)
{
	RUN(test_5140_is_a_tree_connect_of_its_user);
	RUN(test_a_failure_of_5140_is_a_share_denied);
	RUN(test_5145_names_the_pipe_of_ipc);
	RUN(test_the_same_access_is_one_row_in_both);
	RUN(test_addresses_are_read_in_every_form);
	RUN(test_anonymous_and_guest_are_known_by_their_sids);
	RUN(test_an_export_without_providers_is_of_the_security_log);
	RUN(test_who_has_the_port_of_smb_serves);
	RUN(test_a_connection_of_a_machine_with_itself_counts_once);
	RUN(test_other_packets_are_nothing_of_smb);
	RUN(test_a_logon_alone_is_no_smb);
	RUN(test_a_session_is_told_with_how_it_was_opened);
	RUN(test_numbers_of_other_machines_and_users_are_other_sessions);
	RUN(test_a_flood_of_logons_leaves_the_newest);
	RUN(test_anonymous_logons_are_no_ntlmv1);
	RUN(test_smb1_is_told_without_its_dialect);
	RUN(test_a_socket_address_is_read_with_dashes_and_without);
	RUN(test_what_the_server_denied_is_told);
	RUN(test_what_a_client_cannot_is_told);
	RUN(test_a_client_names_itself_and_the_server);
	RUN(test_a_share_that_could_not_be_reached_names_its_server);
	RUN(test_only_ntlm_for_files_is_smb);
	RUN(test_a_name_is_told_with_its_address);
	RUN(test_texts_of_any_kind_make_sane_rows);
	return tap_done();
}
