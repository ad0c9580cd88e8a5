#include "inventory_rows.h"
#include "tap.h"

#define MAX 8

static uint8_t purposes[MAX];

static void judge(const struct bh_row *rows, size_t n)
{
	BH_AUTO_ARENA a = { 0 };
	const uint8_t *got;

	EXPECT_INT(bh_inventory_purposes(rows, n, &a, &got), 0);
	memcpy(purposes, got, n);
}

static void test_a_share_says_what_it_is_for(void)
{
	static const struct {
		const char *share;
		enum bh_purpose purpose;
	} told[] = {
		{ "\\\\dc1\\SYSVOL", BH_PURPOSE_GPO },
		{ "\\\\*\\NETLOGON", BH_PURPOSE_GPO },
		{ "\\\\fs1\\finance", BH_PURPOSE_FILE },
		{ "\\\\ps1\\print$", BH_PURPOSE_PRINT },
		{ "\\\\pc1\\ADMIN$", BH_PURPOSE_ADMIN },
		{ "\\\\pc1\\C$", BH_PURPOSE_ADMIN },
		{ "\\\\n1\\ClusterStorage$", BH_PURPOSE_CLUSTER },
		{ "\\\\fs1\\data@{01234567-89ab-cdef-0123-456789abcdef}", BH_PURPOSE_BACKUP },
		{ NULL, BH_PURPOSE_UNKNOWN },
	};

	for (size_t i = 0; i < BH_LEN(told); i++) {
		struct bh_row r = row_of(PCAP, "10.0.0.1", "10.0.1.1", told[i].share, "alice");
		judge(&r, 1);
		EXPECT_INT(purposes[0], told[i].purpose);
	}
	struct bh_row r = row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\ps1\\laser", "alice");
	r.who.share_type = BH_SHARE_PRINT;
	judge(&r, 1);
	EXPECT_INT(purposes[0], BH_PURPOSE_PRINT);
}

static void test_pipes_say_what_ipc_is_for(void)
{
	static const struct {
		uint32_t pipes;
		enum bh_purpose purpose;
	} told[] = {
		{ 1u << BH_PIPE_SRVSVC, BH_PURPOSE_DISCOVERY },
		{ 1u << BH_PIPE_SRVSVC | 1u << BH_PIPE_WKSSVC, BH_PURPOSE_DISCOVERY },
		{ 1u << BH_PIPE_SPOOLSS, BH_PURPOSE_PRINT },
		{ 1u << BH_PIPE_SRVSVC | 1u << BH_PIPE_SPOOLSS, BH_PURPOSE_PRINT },
		{ 1u << BH_PIPE_SVCCTL | 1u << BH_PIPE_SPOOLSS, BH_PURPOSE_ADMIN },
		{ 1u << BH_PIPE_REMOTE_SHELL, BH_PURPOSE_ADMIN },
		{ 1u << BH_PIPE_WITNESS, BH_PURPOSE_CLUSTER },
		{ 1u << BH_PIPE_FSSAGENT, BH_PURPOSE_BACKUP },
		{ 1u << BH_PIPE_NETLOGON | 1u << BH_PIPE_LSARPC, BH_PURPOSE_GPO },
		{ 1u << BH_PIPE_OTHER, BH_PURPOSE_UNKNOWN },
		{ 0, BH_PURPOSE_UNKNOWN },
	};

	for (size_t i = 0; i < BH_LEN(told); i++) {
		struct bh_row r = row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\x\\IPC$", "alice");
		r.figures.pipes = told[i].pipes;
		judge(&r, 1);
		EXPECT_INT(purposes[0], told[i].purpose);
	}
}

static void test_a_bare_ipc_serves_the_shares_beside_it(void)
{
	struct bh_row rows[] = {
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\IPC$", "alice"),
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\finance", "alice"),
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\laser", "alice"),
		row_of(PCAP, "10.0.0.2", "10.0.1.1", "\\\\fs1\\IPC$", "bob"),
		row_of(PCAP, "10.0.0.1", "10.0.1.1", "\\\\fs1\\ipc$", "alice"),
	};

	rows[2].who.share_type = BH_SHARE_PRINT;
	rows[4].figures.pipes = 1u << BH_PIPE_SRVSVC;
	judge(rows, 5);
	EXPECT_INT(purposes[0], BH_PURPOSE_FILE); /* as often as print: the first of both */
	EXPECT_INT(purposes[3], BH_PURPOSE_UNKNOWN); /* another client */
	EXPECT_INT(purposes[4], BH_PURPOSE_DISCOVERY); /* its pipes say it themselves */
	rows[2].figures.connections = 100;
	judge(rows, 5);
	EXPECT_INT(purposes[0], BH_PURPOSE_PRINT);
}

int main(void)
{
	RUN(test_a_share_says_what_it_is_for);
	RUN(test_pipes_say_what_ipc_is_for);
	RUN(test_a_bare_ipc_serves_the_shares_beside_it);
	return tap_done();
}
