#include "sandbox/filter.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* Under a sanitizer its runtime makes calls of its own (stacks, symbols, maps); there a
 * forbidden call fails instead of killing, so that reports still come out. */
#if defined(__SANITIZE_ADDRESS__)
#define FORBIDDEN SCMP_ACT_ERRNO(EPERM)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FORBIDDEN SCMP_ACT_ERRNO(EPERM)
#endif
#endif
#ifndef FORBIDDEN
#define FORBIDDEN SCMP_ACT_KILL_PROCESS
#endif

/* What any C program needs to run on, with the descriptors and memory it has. */
static const int plain[] = {
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(lseek),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(munmap),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(sysinfo), /* qsort asks how much memory it may take */
	SCMP_SYS(futex),
	SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(sched_yield),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(fadvise64),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(getsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* bulkhead-priv: its state folders (Landlock holds it there), netlink and packet
 * sockets, descriptors to hand over. */
static const int priv[] = {
	SCMP_SYS(openat),
	SCMP_SYS(open),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(flock),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fchmod),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(fcntl),
	SCMP_SYS(dup),
	SCMP_SYS(dup2),
	SCMP_SYS(dup3),
	SCMP_SYS(bind),
	SCMP_SYS(setsockopt),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(ioctl),
};

/* The C library asks these by itself (is it a terminal? where is the time zone?) and
 * lives with a no. */
static const int politely_refused[] = {
	SCMP_SYS(openat),
	SCMP_SYS(open),
	SCMP_SYS(ioctl),
	SCMP_SYS(readlink),
	SCMP_SYS(access),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
};

static int allow_all(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
		if (r)
			return r;
	}
	return 0;
}

/* Memory never becomes code. */
static int allow_data_memory(scmp_filter_ctx ctx)
{
	const int calls[] = { SCMP_SYS(mmap), SCMP_SYS(mprotect) };

	for (size_t i = 0; i < BH_LEN(calls); i++) {
		int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
		if (r)
			return r;
	}
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mremap), 0);
}

static int sensor_rules(scmp_filter_ctx ctx)
{
	for (size_t i = 0; i < BH_LEN(politely_refused); i++) {
		int call = politely_refused[i];
		/* libseccomp takes no rule whose action is the default one. */
		if (FORBIDDEN == SCMP_ACT_ERRNO(EPERM) && call != SCMP_SYS(newfstatat))
			continue;
		/* fstat(2) is fstatat(fd, "", AT_EMPTY_PATH) in newer C libraries; an
		 * ordinary path then tells a file's size at most. */
		int r = call == SCMP_SYS(newfstatat)
				? seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 1,
					  SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH))
				: seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), call, 0);
		if (r)
			return r;
	}
	return 0;
}

/* Of sockets, only the two kinds it opens on request. */
static int priv_rules(scmp_filter_ctx ctx)
{
	const int families[] = { AF_NETLINK, AF_PACKET };

	for (size_t i = 0; i < BH_LEN(families); i++) {
		int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
			SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
		if (r)
			return r;
	}
#ifdef BH_FAULT_POINTS
	int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(kill), 0);
	if (r)
		return r;
#endif
	return allow_all(ctx, priv, BH_LEN(priv));
}

int bh_sandbox_filter(enum bh_role role)
{
	scmp_filter_ctx ctx = seccomp_init(FORBIDDEN);

	if (!ctx)
		return -ENOMEM;
	int r = allow_all(ctx, plain, BH_LEN(plain));
	if (!r)
		r = allow_data_memory(ctx);
	if (!r)
		r = role == BH_ROLE_PRIV ? priv_rules(ctx) : sensor_rules(ctx);
	if (!r)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r;
}
