/* A hostile dump: never a crash, and never proven unless the reader read it whole. */
#include <stdlib.h>

#include "proof/proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool admit(void *ctx, const struct bh_flow *f)
{
	const struct bh_addrset *corp = ctx;
	return bh_addrset_contains(corp, f->hook == BH_OUT ? &f->server : &f->client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bh_range four[1] = { { 0x0a140000, 0x0a14ffff } };
	struct bh_addrset corp = { .v4 = { four, 1 } };
	const struct bh_service services[2] = { { 445, BH_TCP }, { 137, BH_UDP } };
	struct bh_judge j = { .ctx = &corp,
		.admit = admit,
		.sets = &corp,
		.n_sets = 1,
		.services = services,
		.n_services = 2,
		.hooks = 7,
		.log_group = 445 };
	BH_AUTO_ARENA a = { 0 };
	struct bh_proof p;

	j.audit = size & 1;
	if (bh_proof_check(bh_span_of(data, size), &j, &a, &p) == 0) {
		if (p.answer == BH_PROVEN && (p.no_table || p.why_not || p.n_differences))
			abort();
		if (p.answer == BH_NOT_PROVEN && !p.why_not)
			abort();
	}
	return 0;
}
