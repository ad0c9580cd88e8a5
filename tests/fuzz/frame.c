/*
 * frame: one packet of any link layer.  What is told lies within what was captured.
 */
#include <stdlib.h>

#include "capture/capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t links[] = { 0, 1, 12, 14, 101, 108, 113, 228, 229, 276, 147 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bh_segment g = { 0 };

	if (!size)
		return 0;
	struct bh_span s = bh_span_of(data + 1, size - 1);
	enum bh_frame_kind k = bh_frame_read(links[data[0] % BH_LEN(links)], s, &g);
	assert(k <= BH_FRAME_UNKNOWN);
	if (k != BH_FRAME_TCP && k != BH_FRAME_UDP)
		return 0;
	assert(g.src.family && g.src.family == g.dst.family);
	assert(g.payload.len <= g.wire_len);
	assert(g.payload.ptr >= s.ptr && g.payload.ptr + g.payload.len <= s.ptr + s.len);
	assert(k == BH_FRAME_TCP || (!g.seq && !g.ack && !g.flags));
	return 0;
}
