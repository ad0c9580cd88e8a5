/*
 * What a conversation is for: its share says it, and for IPC$ the pipes.
 *
 * IPC$ with nothing opened is the glue of every session (DFS referrals, keeping it
 * alive): it serves what most of the same two machines' other connections are for, and
 * where there are none nobody knows.
 */
#include <stdlib.h>

#include "inventory/hosts.h"
#include "model/pipe.h"

#define PIPE(name) (1u << BH_PIPE_##name)

/* Of several the first counts: what an intruder would use is never hidden behind what
 * everybody does. */
static const struct {
	uint32_t pipes;
	uint8_t purpose;
} by_pipe[] = {
	{ PIPE(REMOTE_SHELL) | PIPE(SVCCTL) | PIPE(WINREG) | PIPE(ATSVC) | PIPE(SAMR) |
			PIPE(EVENTLOG) | PIPE(INITSHUTDOWN) | PIPE(NTSVCS) | PIPE(TERMSRV) |
			PIPE(WMI) | PIPE(EPMAPPER) | PIPE(DNSSERVER) | PIPE(DHCP) | PIPE(W32TIME) |
			PIPE(NETDFS),
		BH_PURPOSE_ADMIN },
	{ PIPE(WITNESS) | PIPE(CLUSAPI), BH_PURPOSE_CLUSTER },
	{ PIPE(FSSAGENT), BH_PURPOSE_BACKUP },
	{ PIPE(SPOOLSS), BH_PURPOSE_PRINT },
	{ PIPE(NETLOGON) | PIPE(DRSUAPI) | PIPE(KEYS), BH_PURPOSE_GPO },
	{ PIPE(EFSRPC) | PIPE(SEARCH) | PIPE(TRKWKS), BH_PURPOSE_FILE },
	{ PIPE(SRVSVC) | PIPE(WKSSVC) | PIPE(BROWSER) | PIPE(LSARPC), BH_PURPOSE_DISCOVERY },
};

static uint8_t purpose_of_pipes(uint32_t pipes)
{
	for (size_t i = 0; i < BH_LEN(by_pipe); i++) {
		if (pipes & by_pipe[i].pipes)
			return by_pipe[i].purpose;
	}
	return BH_PURPOSE_UNKNOWN;
}

enum bh_purpose bh_inventory_purpose(const struct bh_row *row)
{
	switch (bh_share_class(&row->who)) {
	case BH_CLASS_DOMAIN: return BH_PURPOSE_GPO;
	case BH_CLASS_PRINT: return BH_PURPOSE_PRINT;
	case BH_CLASS_ADMIN: return BH_PURPOSE_ADMIN;
	case BH_CLASS_CLUSTER: return BH_PURPOSE_CLUSTER;
	case BH_CLASS_BACKUP: return BH_PURPOSE_BACKUP;
	case BH_CLASS_DISK: return BH_PURPOSE_FILE;
	default: return (enum bh_purpose)purpose_of_pipes(row->figures.pipes);
	}
}

static bool is_glue(const struct bh_row *row)
{
	return bh_share_class(&row->who) == BH_CLASS_IPC && !row->figures.pipes;
}

static int by_pair(const void *a, const void *b)
{
	const struct bh_talk *x = &(*(const struct bh_row *const *)a)->who;
	const struct bh_talk *y = &(*(const struct bh_row *const *)b)->who;
	int r = end_compare(x, true, y, true);

	return r ? r : end_compare(x, false, y, false);
}

/* v[0..n): one client and one server. */
static void fill_pair(
	const struct bh_row *const *v, size_t n, const struct bh_row *rows, uint8_t *ret)
{
	uint64_t weight[BH_PURPOSES] = { 0 };
	unsigned most = BH_PURPOSE_UNKNOWN;

	for (size_t i = 0; i < n; i++) {
		uint8_t own = (uint8_t)bh_inventory_purpose(v[i]);
		ret[v[i] - rows] = own;
		/* Tried and never got there counts as well, if only just. */
		if (bh_share_class(&v[i]->who) > BH_CLASS_IPC)
			weight[own] += v[i]->figures.connections + 1;
	}
	for (unsigned p = 1; p < BH_PURPOSES; p++) {
		if (weight[p] > weight[most])
			most = p;
	}
	for (size_t i = 0; i < n; i++) {
		if (is_glue(v[i]))
			ret[v[i] - rows] = (uint8_t)most;
	}
}

int bh_inventory_purposes(
	const struct bh_row *rows, size_t n, struct bh_arena *a, const uint8_t **ret)
{
	BH_AUTO_ARENA work = { 0 };
	const struct bh_row **v = bh_arena_array(&work, n + 1, sizeof *v);
	uint8_t *purposes = bh_arena_array(a, n + 1, sizeof *purposes);

	if (!v || !purposes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		v[i] = &rows[i];
	qsort(v, n, sizeof *v, by_pair);
	for (size_t i = 0, after; i < n; i = after) {
		for (after = i + 1; after < n && !by_pair(&v[i], &v[after]);)
			after++;
		fill_pair(v + i, after - i, rows, purposes);
	}
	*ret = purposes;
	return 0;
}
