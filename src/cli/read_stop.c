/* ^C, and what else asks `read` to end. */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "cli/read.h"

static volatile sig_atomic_t stopped, also = -1;

static void stop(int number)
{
	int e = errno;

	stopped = number;
	if (also >= 0)
		(void)!write((int)also, "", 1);
	errno = e;
}

void bh_read_heed(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction a = { .sa_handler = stop, .sa_flags = (int)SA_RESETHAND }, was;

	for (size_t i = 0; i < BH_LEN(signals); i++) {
		/* Who is started to ignore it (nohup) goes on ignoring it. */
		if (sigaction(signals[i], NULL, &was) == 0 && was.sa_handler != SIG_IGN)
			sigaction(signals[i], &a, NULL);
	}
}

int bh_read_stopped(void)
{
	return stopped;
}

void bh_read_stop_also(int fd)
{
	also = fd;
	if (fd >= 0 && stopped) /* it came before we could say whom to tell */
		(void)!write(fd, "", 1);
}
