/*
 * names: datagrams that tell names, and those of RDMA.  Byte 0 chooses the port.  Whatever
 * is told would pass for a fact.
 */
#include <stdlib.h>

#include "dissect/dissect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t ports[] = { 137, 138, 5353, 5355, 4791, 5445 };
	static struct bh_name_seen seen[BH_NAMES];
	const struct bh_addr src = bh_addr_v4(0x0a000009);
	struct bh_roce_connect connect = { 0 };
	size_t n = 0;

	if (!size)
		return 0;
	uint16_t port = ports[data[0] % BH_LEN(ports)];
	struct bh_span s = bh_span_of(data + 1, size - 1);
	(void)bh_roce(s);
	(void)bh_smbd_mpa(s);
	if (bh_roce_connect_read(s, &connect))
		assert((connect.said == BH_ROCE_ASKS) == (connect.port != 0));
	int r = bh_names_read(s, &src, port, port, seen, &n);
	assert(r == 0 || n == 0);
	assert(n <= BH_NAMES);
	for (size_t i = 0; i < n; i++) {
		struct bh_fact f = {
			.magic = BH_FACT_MAGIC, .kind = BH_FACT_NAME, .name = seen[i]
		};
		assert(bh_fact_sane(&f));
	}
	return 0;
}
