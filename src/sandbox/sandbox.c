#include "sandbox/sandbox.h"

#include <cap-ng.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sandbox/filter.h"

/* What a role keeps; everything else goes, also from the bounding set. */
static void choose(enum bh_role role)
{
	const capng_type_t have = (capng_type_t)(CAPNG_EFFECTIVE | CAPNG_PERMITTED);

	capng_clear(CAPNG_SELECT_ALL);
	if (role == BH_ROLE_PRIV)
		capng_updatev(CAPNG_ADD, have, CAP_NET_ADMIN, CAP_NET_RAW, -1);
	if (role == BH_ROLE_CLI)
		capng_update(CAPNG_ADD, have, CAP_DAC_OVERRIDE);
}

static int drop(enum bh_role role)
{
	/* Somebody else's bounding set cannot be changed without CAP_SETPCAP; without
	 * capabilities, and with no_new_privs, it gives nothing to anybody. */
	if (capng_get_caps_process() != 0)
		return -EPERM;
	bool bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	bool root = geteuid() == 0;

	if (!root) {
		capng_clear(CAPNG_SELECT_ALL);
		return capng_apply(CAPNG_SELECT_CAPS) == 0 ? 0 : -EPERM;
	}
	/* Already without some of it (a container, or a role entered before)? Then keep
	 * what is left of it and no more. */
	bool net_admin = capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN);
	bool net_raw = capng_have_capability(CAPNG_PERMITTED, CAP_NET_RAW);
	bool dac = capng_have_capability(CAPNG_PERMITTED, CAP_DAC_OVERRIDE);
	const capng_type_t have = (capng_type_t)(CAPNG_EFFECTIVE | CAPNG_PERMITTED);

	choose(role);
	if (!net_admin)
		capng_update(CAPNG_DROP, have, CAP_NET_ADMIN);
	if (!net_raw)
		capng_update(CAPNG_DROP, have, CAP_NET_RAW);
	if (!dac)
		capng_update(CAPNG_DROP, have, CAP_DAC_OVERRIDE);
	if (bounds && capng_apply(CAPNG_SELECT_BOUNDS) != 0)
		return -EPERM;
	return capng_apply(CAPNG_SELECT_CAPS) == 0 ? 0 : -EPERM;
}

int bh_sandbox_enter(enum bh_role role)
{
	const struct rlimit none = { 0, 0 };

	/* Nothing of what passes through here belongs into a core file, and nobody of the
	 * same user may attach. */
	if (role != BH_ROLE_CLI) {
		if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
			return -errno;
	}
	int r = drop(role);
	if (r)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return role == BH_ROLE_CLI ? 0 : bh_sandbox_filter(role);
}

static int by_number(const void *x, const void *y)
{
	const int *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

int bh_sandbox_keep_only(const int *fds, size_t n)
{
	int v[BH_SANDBOX_KEPT];
	unsigned from = 3;

	if (n > BH_LEN(v))
		return -E2BIG;
	if (n)
		memcpy(v, fds, n * sizeof *v);
	qsort(v, n, sizeof *v, by_number);
	for (size_t i = 0; i < n; i++) {
		if (v[i] < (int)from)
			continue;
		if ((unsigned)v[i] > from && close_range(from, (unsigned)v[i] - 1, 0) < 0)
			return -errno;
		from = (unsigned)v[i] + 1;
	}
	return close_range(from, ~0u, 0) < 0 ? -errno : 0;
}
