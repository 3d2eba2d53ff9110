/*
 * The system calls that may end on the user's page table: number, function, what it reads,
 * and why that is no secret.  A call is refused, and made the long way, for other arguments
 * than its function knows.  DEFERRED(number, name, reads, why)
 */
DEFERRED(14, rt_sigprocmask, "own page: blocked, seen, process's page: signals_sent",
	 "its own choice; and how many came, of which it is told each")
DEFERRED(39, getpid, "process's page: pid", "the answer")
DEFERRED(63, uname, "machine's page: names", "the same for all")
DEFERRED(96, gettimeofday, "TSC, clock of the machine", "RDTSC and the answers tell them")
DEFERRED(102, getuid, "process's page: uid", "the answer")
DEFERRED(104, getgid, "process's page: gid", "the answer")
DEFERRED(107, geteuid, "process's page: euid", "the answer")
DEFERRED(108, getegid, "process's page: egid", "the answer")
DEFERRED(110, getppid, "process's page: ppid", "the answer")
DEFERRED(111, getpgrp, "process's page: pgid", "the answer")
DEFERRED(121, getpgid, "process's page: pid, pgid", "the answer")
DEFERRED(124, getsid, "process's page: pid, sid", "the answer")
DEFERRED(131, sigaltstack, "own page: stack, user's RSP", "the program's own")
DEFERRED(158, arch_prctl, "FS base, GS base", "the program's own: RDFSBASE tells it")
DEFERRED(186, gettid, "own page: tid", "the answer")
DEFERRED(201, time, "TSC, clock of the machine", "RDTSC and the answers tell them")
DEFERRED(204, sched_getaffinity, "own page: tid, affinity, affinity_bytes", "the answer")
DEFERRED(218, set_tid_address, "own page: tid", "the answer")
DEFERRED(228, clock_gettime, "TSC, clock of the machine", "RDTSC and the answers tell them")
DEFERRED(309, getcpu, "own page: cpu", "RDTSCP, RDPID and SMSW tell as much")
