/*
 * flood: offers SMB to an interface at a rate, for what `make bench` measures of `watch`.
 *
 * usage: flood IFACE SIZE RATE SECONDS [WHICH]
 *
 * 64 connections that speak SMB 3.1.1, others for every WHICH, eight frames of one after the
 * other.  SIZE under
 * 600: frames of that many bytes, each a message; else the answers to large READs.  Packets
 * leave in batches whenever they are due; what could not be sent in time is sent late, and
 * what did not leave in SECONDS is not sent at all.  Prints "sent N bytes B seconds S".
 */
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "smb_talk.h"

enum { CONNECTIONS = 64, IN_A_ROW = 8, BATCH = 64 };

struct flood {
	struct smb_talk talk;
	struct talk_on on[CONNECTIONS];
	unsigned turn; /* whose, and how long already */
	uint8_t frame[BATCH][TALK_MOST];
	struct iovec iov[BATCH];
	struct mmsghdr message[BATCH];
	uint64_t sent, bytes;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_socket(const char *ifname)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(ifname) };
	const int on = 1;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) ||
		bind(fd, (const struct sockaddr *)&at, sizeof at))
		return -1;
	return fd;
}

static void connect_all(struct flood *f, uint32_t which)
{
	for (unsigned i = 0; i < CONNECTIONS; i++)
		f->on[i] = (struct talk_on){ .client = 0x0a010000 + (which << 8) + i + 1,
			.server = 0x0a020000 + i % 4 + 1,
			.port = (uint16_t)(50000 + i),
			.next = { i * 1000003u, i * 7000003u },
			.session = 0x1000 + i };
	for (unsigned i = 0; i < BATCH; i++) {
		f->iov[i].iov_base = f->frame[i];
		f->message[i].msg_hdr = (struct msghdr){ .msg_iov = &f->iov[i], .msg_iovlen = 1 };
	}
}

/* n frames, all of them: sockets may take fewer at a time. */
static int send_batch(struct flood *f, int fd, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct talk_on *c = &f->on[f->turn / IN_A_ROW % CONNECTIONS];
		f->iov[i].iov_len = talk_next(&f->talk, c, f->frame[i]);
		f->bytes += f->iov[i].iov_len;
		f->turn++;
	}
	for (unsigned done = 0; done < n;) {
		int r = sendmmsg(fd, f->message + done, n - done, 0);
		if (r < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			return -errno;
		done += r > 0 ? (unsigned)r : 0;
	}
	f->sent += n;
	return 0;
}

static int offer(struct flood *f, int fd, double rate, double seconds)
{
	const struct timespec wink = { .tv_nsec = 20000 };
	double since = now(), gone = 0;
	int r = 0;

	while (!r && (gone = now() - since) < seconds) {
		double due = rate * gone - (double)f->sent;
		if (due < 1)
			nanosleep(&wink, NULL);
		else
			r = send_batch(f, fd, due < BATCH ? (unsigned)due : BATCH);
	}
	printf("sent %llu bytes %llu seconds %.3f\n", (unsigned long long)f->sent,
		(unsigned long long)f->bytes, gone);
	return r;
}

int main(int argc, char **argv)
{
	static struct flood f;
	bool told = argc == 5 || argc == 6;
	size_t size = told ? strtoul(argv[2], NULL, 10) : 0;
	int fd = told ? open_socket(argv[1]) : -1;

	if (fd < 0 || size < 180 || size > TALK_MOST) {
		fprintf(stderr, "usage: flood IFACE SIZE RATE SECONDS [WHICH]\n");
		return 2;
	}
	if (size < 600)
		talk_small(&f.talk, size, 16);
	else
		talk_large(&f.talk, size, 55);
	connect_all(&f, argc == 6 ? (uint32_t)strtoul(argv[5], NULL, 10) & 0xff : 0);
	int r = offer(&f, fd, strtod(argv[3], NULL), strtod(argv[4], NULL));
	talk_free(&f.talk);
	if (r)
		fprintf(stderr, "flood: %s\n", strerror(-r));
	return r ? 1 : 0;
}
