/*
 * hello: one line from an ordinary program, through printf.
 *
 * Shows that a static Linux binary starts, finds its arguments and learns where
 * it runs. Right outcome: one line such as
 *	hello from CPU 2: pid 5, /bin/hello again, Linux 6.1.0-postern
 * and exit status 0. The name behind the last comma is uname()'s, which on Linux is that
 * system's. The CPU is the initial APIC id, which CPUID tells to anyone.
 */
#include <cpuid.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Leaf 0xB has all 32 bits of the id; CPUs without it have 8 bits in leaf 1. */
static unsigned initial_apic_id(void)
{
	unsigned eax, ebx, ecx, edx;

	if (__get_cpuid_count(0xb, 0, &eax, &ebx, &ecx, &edx) && ebx != 0)
		return edx;
	__cpuid(1, eax, ebx, ecx, edx);
	return ebx >> 24;
}

int main(int argc, char **argv)
{
	struct utsname name;

	if (uname(&name) != 0) {
		perror("hello: uname");
		return 1;
	}
	/* Nothing leaves before the newline, so lines of several CPUs do not mix. */
	printf("hello from CPU %u: pid %d, ", initial_apic_id(), (int)getpid());
	for (int i = 0; i < argc; i++)
		printf("%s%s", i > 0 ? " " : "", argv[i]);
	printf(", %s %s\n", name.sysname, name.release);
	return 0;
}
