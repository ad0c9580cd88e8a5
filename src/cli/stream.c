#include "cli/stream.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cli/said.h"

#define FLUSH_SECONDS 2

/* What full_audit logs under its own name, and smbd by itself; a container has no unit, but
 * the program's name.  Without --all, texts of more than 4 KiB are left out. */
static const char *const journalctl[] = { "journalctl", "--follow", "--lines=0", "--output=json",
	"--all", "--output-fields=MESSAGE,SYSLOG_IDENTIFIER,_HOSTNAME",
	"SYSLOG_IDENTIFIER=smbd_audit", "SYSLOG_IDENTIFIER=smbd", "SYSLOG_IDENTIFIER=samba", "+",
	"_EXE=/usr/sbin/smbd", "_EXE=/usr/sbin/samba", "+", "_SYSTEMD_UNIT=smbd.service",
	"_SYSTEMD_UNIT=smb.service", "_SYSTEMD_UNIT=samba-ad-dc.service",
	"_SYSTEMD_UNIT=samba.service", NULL };

/* ---- which ---- */

bool bh_stream_clock(const char *text, int32_t *ret)
{
	int sign = *text == '-' ? -1 : 1, hours = 0, minutes = 0, n = 0;

	text += *text == '-' || *text == '+';
	if (sscanf(text, "%2d:%2d%n", &hours, &minutes, &n) != 2 || text[n]) {
		minutes = 0;
		if (sscanf(text, "%2d%n", &hours, &n) != 1 || text[n])
			return false;
	}
	*ret = sign * (hours * 3600 + minutes * 60);
	return hours >= 0 && hours <= 14 && minutes >= 0 && minutes < 60;
}

int bh_stream_take(const struct bh_cli *cli, struct bh_stream_logs *l, int id)
{
	switch (id) {
	case BH_STREAM_SAMBA:
		if (l->n == BH_STREAM_LOGS)
			return bh_cli_usage(cli,
				"at most %u logs can be followed at once; one may be a pattern",
				BH_STREAM_LOGS);
		l->paths[l->n++] = cli->value;
		return 0;
	case BH_STREAM_JOURNAL: l->journal = true; return 0;
	case BH_STREAM_PREFIX:
		l->how.prefix = cli->value;
		if (bh_sensor_log_check(&l->how))
			return bh_cli_usage(cli,
				"--prefix '%s' cannot be read: it names neither user nor client, or "
				"two macros have nothing between them",
				cli->value);
		return 0;
	case BH_STREAM_SERVER: l->how.server_name = cli->value; return 0;
	case BH_STREAM_CLOCK:
		l->clock = true;
		if (!bh_stream_clock(cli->value, &l->how.east))
			return bh_cli_usage(cli,
				"--clock wants hours ahead of UTC, like +01:00, not '%s'",
				cli->value);
		return 0;
	default: return bh_cli_usage(cli, "no such option");
	}
}

/* ---- beginning ---- */

/* A log that is written here is written by the clock of this machine. */
static int32_t our_zone(void)
{
	time_t t = time(NULL);
	struct tm tm;

	return localtime_r(&t, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

static void name(struct bh_stream *s, const char *from)
{
	BH_AUTO_BUF when = { 0 };
	char host[65] = "";

	gethostname(host, sizeof host - 1);
	bh_time_format(bh_said_now(), &when);
	s->from = from;
	snprintf(s->identity, sizeof s->identity, "samba:live:%s:%.64s:%s:%d", host, from,
		bh_buf_text(&when), (int)getpid());
	snprintf(s->label, sizeof s->label, "samba log %.80s on %s since %.19sZ", from, host,
		bh_buf_text(&when));
}

static int start(const struct bh_cli *cli, const struct bh_stream_logs *l,
	enum bh_sensor_follow how, int from, struct bh_stream *s)
{
	const struct bh_sensor_job job = { .files = &from,
		.n_files = 1,
		.log = l->how,
		.follow = (uint8_t)how,
		.nflog = -1,
		.flush_seconds = FLUSH_SECONDS };
	int r = bh_sensor_start(&job, &s->child);

	return r ? bh_cli_fail(
			   cli, BH_EXIT_SYSTEM, "cannot start the sensor process: %s", strerror(-r))
		 : 0;
}

static int begin_file(const struct bh_cli *cli, const struct bh_stream_logs *l, const char *path,
	struct bh_stream *s)
{
	int p[2], r = bh_follow_new(path, &s->follow);

	name(s, path);
	if (r == -EISDIR)
		return bh_cli_fail(cli, BH_EXIT_INPUT,
			"%s is a folder: name a file in it, or '%slog.*'", path, path);
	/* No pipe: its reader's death would be ours. */
	if (!r && (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p) ||
			  fcntl(p[1], F_SETFL, O_NONBLOCK)))
		r = -errno;
	if (r)
		return bh_cli_fail(cli, r == -ENOENT ? BH_EXIT_INPUT : BH_EXIT_SYSTEM,
			"cannot follow %s: %s", path,
			r == -ENOENT ? "there is no such folder" : strerror(-r));
	const char *why = bh_follow_trouble(s->follow);
	if (why) {
		close(p[0]);
		close(p[1]);
		return bh_cli_fail(cli, BH_EXIT_INPUT, "cannot follow %s: %s", path, why);
	}
	if (!bh_follow_files(s->follow) && !cli->quiet)
		fprintf(stderr, "%s is not there yet; waiting for it\n", path);
	s->to = p[1];
	return start(cli, l, BH_FOLLOW_SAMBA, p[0], s);
}

static int begin_journal(
	const struct bh_cli *cli, const struct bh_stream_logs *l, struct bh_stream *s)
{
	int out, r = bh_child_start(journalctl, &out, &s->journal);

	name(s, "the journal");
	if (r)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "cannot run journalctl: %s",
			r == -ENOENT ? "it is not installed, and --journal needs systemd"
				     : strerror(-r));
	return start(cli, l, BH_FOLLOW_JOURNAL, out, s);
}

int bh_stream_begin(
	const struct bh_cli *cli, struct bh_stream_logs *l, struct bh_stream *s, size_t *n_ret)
{
	size_t n = l->n + l->journal;
	int r = 0;

	if (!l->clock)
		l->how.east = our_zone();
	for (*n_ret = 0; !r && *n_ret < n; ++*n_ret) {
		struct bh_stream *at = &s[*n_ret];
		*at = (struct bh_stream){ .child.facts = -1, .child.stop = -1, .to = -1 };
		r = *n_ret < l->n ? begin_file(cli, l, l->paths[*n_ret], at)
				  : begin_journal(cli, l, at);
	}
	return r;
}

/* ---- handing on ---- */

size_t bh_stream_poll(const struct bh_stream *s, struct pollfd *p)
{
	size_t n = 0;

	if (!s->follow || s->to < 0)
		return 0;
	p[n++] = (struct pollfd){ .fd = bh_follow_fd(s->follow), .events = POLLIN };
	if (bh_follow_lines(s->follow).len)
		p[n++] = (struct pollfd){ .fd = s->to, .events = POLLOUT };
	return n;
}

static void stop_feeding(struct bh_stream *s)
{
	if (s->to >= 0)
		close(s->to);
	s->to = -1;
}

/* 1: all that waited is gone; 0: it has to wait; -errno. */
static int hand_on(struct bh_stream *s)
{
	struct bh_span lines = bh_follow_lines(s->follow);

	while (lines.len) {
		ssize_t n = send(s->to, lines.ptr, lines.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		bh_follow_taken(s->follow, (size_t)n);
		lines = bh_follow_lines(s->follow);
	}
	return 1;
}

int bh_stream_feed(const struct bh_cli *cli, struct bh_stream *s, bool look, bool last)
{
	const char *why;
	int r = 1;

	if (!s->follow || s->to < 0)
		return 0;
	/* While the pipe takes all, there may be more. */
	for (unsigned i = 0; i < 64 && r > 0; i++) {
		int e = bh_follow_step(s->follow, look && !i, bh_said_now());
		if (!e && last && !bh_follow_lines(s->follow).len)
			e = bh_follow_end(s->follow);
		if (e)
			return e;
		if (!bh_follow_lines(s->follow).len)
			break;
		r = hand_on(s);
	}
	while ((why = bh_follow_trouble(s->follow)))
		bh_cli_fail(cli, 0, "%s: %s", s->from, why);
	if (last && !bh_follow_lines(s->follow).len)
		stop_feeding(s);
	return r == -EPIPE ? 0 : r < 0 ? r : 0; /* a process that is gone is noticed elsewhere */
}

void bh_stream_close(struct bh_stream *s)
{
	stop_feeding(s);
	s->follow = bh_follow_free(s->follow);
	if (s->journal > 0)
		(void)bh_child_end(s->journal);
	s->journal = 0;
}
