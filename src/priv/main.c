/*
 * bulkhead-priv: root's hand.  Started by `bulkhead` with a socket pair as descriptor 3,
 * or at boot with --load.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "priv/serve.h"
#include "sandbox/sandbox.h"

#define SOCKET 3
#define FAILED 4 /* exit status: the system refused */

/* Everything that needs more than the sandbox leaves, and then the sandbox. */
static int enter(struct house *h, bool serving, struct why *w)
{
	const int keep[] = { SOCKET };
	bool landlocked;

	if (geteuid() != 0)
		return why_say(w, -EPERM, "this needs root; it is started by 'sudo bulkhead'");
	umask(077);
	int err = bh_sandbox_keep_only(keep, serving ? 1 : 0);
	if (err)
		return why_say(w, err, "cannot close descriptors: %s", strerror(-err));
	err = files_open(&h->files, w);
	if (!err)
		err = kernel_open(&h->kernel, w);
	if (err)
		return err;
	const char *folders[] = { h->files.keep, h->files.run };
	err = bh_sandbox_folders(folders, 2, &landlocked);
	if (!err)
		err = bh_sandbox_enter(BH_ROLE_PRIV);
	return err ? why_say(w, err, "cannot give up privileges: %s", strerror(-err)) : 0;
}

#define NAP_MS 5000u /* how long it may take to notice that somebody confirmed or undid */

static void nap(uint64_t ms)
{
	const struct timespec t = { .tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

/* Tidies up as soon as a trial lapses.  A convenience: the kernel has fallen back by
 * itself, and whoever asks next would tidy up too. */
static void keep_deadline(struct house *h)
{
	for (int tries = 0; tries < 10;) {
		uint64_t ms = act_trial_left(h);
		struct bh_priv_state st;
		struct why w;
		if (!ms)
			return;
		if (ms > NAP_MS) {
			nap(NAP_MS);
			continue;
		}
		nap(ms + 250);
		(void)!act_state(h, &st, &w);
		tries++;
	}
}

static int at_boot(struct house *h)
{
	struct why w = { "" };
	bool loaded = false;
	int err = act_load(h, &loaded, &w);

	if (err) {
		fprintf(stderr, "bulkhead-priv: %s\n", w.text);
		return FAILED;
	}
	fprintf(stderr, "bulkhead-priv: %s\n",
		loaded ? "the confirmed table is loaded" : "no confirmed table to load");
	return 0;
}

/* Said to whoever asks first: it waits for an answer. */
static int refuse(const struct why *w, int err)
{
	BH_AUTO_BUF b = { 0 };

	bh_wire_answer(&b, -err, false, w->text, strlen(w->text));
	return bh_buf_ok(&b) && write(SOCKET, b.ptr, b.len) == (ssize_t)b.len ? FAILED : FAILED;
}

int main(int argc, char **argv)
{
	bool load = argc == 2 && !strcmp(argv[1], "--load");
	struct house h = { .files.lock = -1 };
	struct why w = { "" };
	struct stat st;

	if (argc > 1 && !load) {
		fputs("bulkhead-priv: started by 'bulkhead', or at boot with --load\n", stderr);
		return 2;
	}
	if (!load && (fstat(SOCKET, &st) < 0 || !S_ISSOCK(st.st_mode))) {
		fputs("bulkhead-priv: nobody is there to ask it anything: it is started by "
		      "'bulkhead'\n",
			stderr);
		return 2;
	}
	if (chdir("/") < 0)
		return FAILED;
	int err = enter(&h, !load, &w);
	if (err && load)
		fprintf(stderr, "bulkhead-priv: %s\n", w.text);
	if (err)
		return load ? FAILED : refuse(&w, err);
	if (load)
		return at_boot(&h);
	serve(&h, SOCKET);
	close(SOCKET);
	if (h.tried)
		keep_deadline(&h);
	return 0;
}
