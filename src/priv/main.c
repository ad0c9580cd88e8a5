/*
 * bulkhead-priv: the only program with privilege.  Serves one network namespace over
 * descriptor 3; `--load` loads the confirmed table (at boot) and ends.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "priv/serve.h"
#include "sandbox/sandbox.h"

#define CONTROL 3

static int say(const char *what, int r)
{
	fprintf(stderr, "bulkhead-priv: %s: %s\n", what, strerror(-r));
	return 4;
}

int main(int argc, char **argv)
{
	struct server s;
	bool load = argc == 2 && !strcmp(argv[1], "--load");
	struct stat st;

	if (argc > 2 || (argc == 2 && !load)) {
		fputs("usage: bulkhead-priv --load\n"
		      "Loads the confirmed table of this machine.  Everything else asks it through\n"
		      "'bulkhead apply', 'confirm', 'undo', 'status', 'verify' and 'watch'.\n",
			argc == 2 && !strcmp(argv[1], "--help") ? stdout : stderr);
		return argc == 2 && !strcmp(argv[1], "--help") ? 0 : 2;
	}
	if (!load && (fstat(CONTROL, &st) || !S_ISSOCK(st.st_mode))) {
		fputs("bulkhead-priv: it is started by 'bulkhead', not by hand (see --help)\n",
			stderr);
		return 2;
	}
	umask(0077);
	signal(SIGPIPE, SIG_IGN);
	/* ^C in a terminal goes to everybody in front of it: the client decides what ends. */
	signal(SIGINT, SIG_IGN);
	if (!load) {
		const int keep[] = { CONTROL };
		int r = bh_sandbox_keep_only(keep, 1);
		if (r)
			return say("cannot close what is not needed", r);
	}
	int r = server_open(&s, load);
	if (r)
		return say(s.why, r);
	const char *const folders[] = { s.path };
	bool confined;
	r = bh_sandbox_folders(folders, 1, &confined);
	if (!r)
		r = bh_sandbox_enter(BH_ROLE_PRIV);
	if (r)
		return say("cannot give up what is not needed", r);
	if (load) {
		r = server_boot(&s);
		return r ? say(s.why, r) : 0;
	}
	r = server_run(&s, CONTROL);
	return r ? say("the connection broke", r) : 0;
}
