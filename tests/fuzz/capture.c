/*
 * capture: a whole capture file through the sensor.  Whatever it holds, the facts are
 * sane and the run ends with them told.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sensor/sensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int hear(void *ctx, const struct bh_fact *f)
{
	unsigned *ends = ctx;

	assert(bh_fact_sane(f));
	*ends += f->kind == BH_FACT_END;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bh_sensor_limits few = { .flows = 8, .held_bytes = 20000 };
	struct bh_sensor *s = NULL;
	unsigned ends = 0;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size ||
		bh_sensor_new(&few, hear, &ends, &s))
		abort();
	int r = bh_sensor_file(s, fd, NULL);
	assert(r == 0);
	r = bh_sensor_finish(s);
	assert(r == 0 && ends == 1);
	bh_sensor_free(s);
	close(fd);
	return 0;
}
