/*
 * Feeds every file of a corpus folder to a fuzz target, and of each file also every
 * truncation (up to a limit), so that a plain build without libFuzzer replays it.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_FILE (1u << 20)
#define CUTS     256u

static int replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f) {
		perror(path);
		return 1;
	}
	uint8_t *bytes = malloc(MAX_FILE);
	if (!bytes) {
		fclose(f);
		return 1;
	}
	size_t n = fread(bytes, 1, MAX_FILE, f);
	fclose(f);

	size_t step = n / CUTS + 1;
	for (size_t cut = 0; cut <= n; cut += step) {
		/* A copy of exactly that size, so that valgrind and ASan see overruns. */
		uint8_t *exact = malloc(cut ? cut : 1);
		if (!exact)
			break;
		memcpy(exact, bytes, cut);
		LLVMFuzzerTestOneInput(exact, cut);
		free(exact);
	}
	LLVMFuzzerTestOneInput(bytes, n);
	free(bytes);
	return 0;
}

int main(int argc, char **argv)
{
	int files = 0, bad = 0;

	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);
		if (!d) {
			perror(argv[i]);
			return 1;
		}
		for (struct dirent *e; (e = readdir(d));) {
			char path[4096];
			if (e->d_name[0] == '.')
				continue;
			snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
			bad += replay(path);
			files++;
		}
		closedir(d);
	}
	printf("%d files replayed\n", files);
	return bad || !files;
}
