/* What the kernel, or somebody in its place, tells of changes to its packet filter. */
#include "keeper/changes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void told(void *ctx, const struct bh_change *c)
{
	struct bh_drift *d = ctx;

	assert(memchr(c->process, 0, sizeof c->process) && memchr(c->tables, 0, sizeof c->tables));
	bh_drift_told(d, c, (bh_time)c->pid * BH_SECOND);
	assert(d->n_suspects <= BH_DRIFT_SUSPECTS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bh_changes c = { 0 };
	struct bh_drift d = { .told = 1, .looked = 1, .heals = true };
	struct bh_priv_state s = { .loaded = true, .changed_outside = size & 1 };
	size_t half = size / 2;

	bh_changes_read(&c, bh_span_of(data, half), told, &d);
	bh_changes_read(&c, bh_span_of(data + half, size - half), told, &d);
	s.kernel_generation = d.told;
	(void)bh_drift_looked(&d, &s, BH_SECOND, 2 * BH_SECOND);
	bh_drift_done(&d);
	(void)bh_drift_wait(&d, 3 * BH_SECOND);
	bh_drift_looked_around(&d, BH_SECOND, 2 * BH_SECOND);
	bh_drift_done_around(&d);
	return 0;
}
