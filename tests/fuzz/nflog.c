/* A datagram from the netfilter log: whatever it holds, each fact made of it is sane. */
#include "evidence/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bh_cur c = bh_cur_of(bh_span_of(data, size));
	struct bh_span one;
	struct bh_fact f;

	while (bh_evidence_nflog_next(&c, &one)) {
		if (bh_evidence_nflog(one, BH_SECOND, &f) == 0)
			assert(bh_fact_sane(&f));
	}
	return 0;
}
