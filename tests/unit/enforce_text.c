/*
 * The nft text, held against golden files that were read by eye; tests/net/enforce has
 * nft itself read it.  UPDATE=1 writes the files anew.
 */
#include "enforce/enforce.h"
#include "enforce_tables.h"
#include "tap.h"

static char *slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	BH_AUTO_BUF b = { 0 };
	char chunk[4096];
	size_t n;

	while (f && (n = fread(chunk, 1, sizeof chunk, f)) > 0)
		bh_buf_add(&b, chunk, n);
	if (f)
		fclose(f);
	char *text = b.ptr;
	b = (struct bh_buf){ 0 };
	return text;
}

static void against_golden(const char *name, const struct bh_load *l)
{
	const char *source = getenv("BULKHEAD_SOURCE");
	BH_AUTO_BUF b = { 0 };
	char path[4096];

	snprintf(path, sizeof path, "%s/tests/golden/enforce-%s.nft", source ? source : ".", name);
	bh_enforce_text(l, &b);
	EXPECT(bh_buf_ok(&b));
	if (getenv("UPDATE")) {
		FILE *f = fopen(path, "w");
		EXPECT(f && fputs(bh_buf_text(&b), f) >= 0);
		if (f)
			fclose(f);
	}
	char *want = slurp(path);
	EXPECT_STR(bh_buf_text(&b), want);
	free(want);
}

static void test_a_host_that_enforces(void)
{
	struct bh_table t = host();
	memset(t.policy_hash, 0xab, BH_HASH);
	struct bh_load l = { .table = &t, .mode = BH_ENFORCE, .generation = 1 };

	against_golden("host", &l);
}

static void test_a_host_that_only_watches(void)
{
	struct bh_table t = host();
	struct bh_load l = { .table = &t, .mode = BH_AUDIT, .generation = 3 };

	against_golden("host-audit", &l);
}

static void test_a_gateway_with_classes_of_sources(void)
{
	struct bh_table t = gateway();
	struct bh_load l = { .table = &t, .mode = BH_ENFORCE, .generation = 1 };

	against_golden("gateway", &l);
}

static void test_a_trial_over_a_former_generation(void)
{
	struct bh_table t = narrow();
	struct bh_load l = { .table = &t,
		.mode = BH_ENFORCE,
		.generation = 8,
		.former = 7,
		.former_hooks = BH_HOOK_BIT(BH_IN) | BH_HOOK_BIT(BH_OUT),
		.lease = 120 };

	against_golden("trial", &l);
}

static void test_a_successor_takes_the_former_away(void)
{
	static const char *const chains[] = { "g7_in", "g7_in_tcp445" }, *const sets[] = {
		"g7_set1_v4"
	};
	struct bh_table t = narrow();
	struct bh_load l = { .table = &t,
		.mode = BH_ENFORCE,
		.generation = 8,
		.former = 7,
		.former_hooks = BH_HOOK_BIT(BH_IN) | BH_HOOK_BIT(BH_OUT),
		.stale_chains = chains,
		.n_stale_chains = 2,
		.stale_sets = sets,
		.n_stale_sets = 1 };

	against_golden("successor", &l);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, what)); p++)
		n++;
	return n;
}

static void test_what_several_services_need_is_there_once(void)
{
	static struct bh_gate gates[3];
	struct bh_table t = gateway();
	struct bh_load l = { .table = &t, .generation = 1 };
	BH_AUTO_BUF one = { 0 }, three = { 0 };

	for (uint16_t i = 0; i < 3; i++) {
		gates[i] = t.gates[1];
		gates[i].service.port = (uint16_t)(443 + i);
	}
	t.gates = gates;
	t.n_gates = 1;
	bh_enforce_text(&l, &one);
	t.n_gates = 3;
	bh_enforce_text(&l, &three);
	EXPECT_INT(count(bh_buf_text(&three), "\tset "), count(bh_buf_text(&one), "\tset "));
	EXPECT_INT(count(bh_buf_text(&three), "\tmap "), count(bh_buf_text(&one), "\tmap "));
	EXPECT_INT(count(bh_buf_text(&three), "saddr vmap"),
		3 * count(bh_buf_text(&one), "saddr vmap"));
}

static void test_names_tell_whose_they_are(void)
{
	EXPECT(bh_enforce_owns("g7_in_tcp445", 7));
	EXPECT(!bh_enforce_owns("g7_in_tcp445", 70));
	EXPECT(!bh_enforce_owns("g70_in", 7));
	EXPECT(!bh_enforce_owns("input", 7));
	EXPECT(!bh_enforce_owns("lease", 7));
}

int main(void)
{
	RUN(test_a_host_that_enforces);
	RUN(test_a_host_that_only_watches);
	RUN(test_a_gateway_with_classes_of_sources);
	RUN(test_a_trial_over_a_former_generation);
	RUN(test_a_successor_takes_the_former_away);
	RUN(test_what_several_services_need_is_there_once);
	RUN(test_names_tell_whose_they_are);
	bh_arena_reset(&arena);
	return tap_done();
}
