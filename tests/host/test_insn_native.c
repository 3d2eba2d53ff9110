/*
 * Test of kernel/guest/insn_*.c against the processor: millions of instructions at random,
 * each executed by both, under random segments, at and over the edges of segments, of
 * pages that are not there and of a page that is not writable.  Compared are registers,
 * flags, IP, memory, and of a fault its vector, error code and CR2.
 *
 * HOST_ROUNDS multiplies how many.
 */
#include "tests/host/host.h"
#include "tests/host/insn_trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ROUNDS 250000
#define COMPARED \
	(GUEST_STATUS_FLAGS | RFLAGS_DF | RFLAGS_TF | RFLAGS_NT | RFLAGS_AC | RFLAGS_ID)

/* ---- The memory of the one that is tested ----------------------------------------- */

/* The first of n bytes that cannot be accessed so: a #PF.  Code can only be read. */
static bool access_faults(u32 linear, unsigned n, bool write, struct guest_fault *fault)
{
	for (u32 at = linear; at != linear + n; at++) {
		bool arena = at - NATIVE_ARENA < NATIVE_SIZE;
		bool code = at - NATIVE_CODE < NATIVE_CODE_SIZE;
		bool constant = code || at - NATIVE_ARENA < NATIVE_READ_ONLY;

		if ((arena || code) && !(write && constant))
			continue;
		*fault = (struct guest_fault){
			.vector = VEC_PF,
			.has_error = true,
			.error = PF_USER | (write ? PF_WRITE : 0) | (arena ? PF_PROT : 0),
			.address = at,
		};
		return true;
	}
	return false;
}

static bool model_read(void *arg, u32 linear, void *to, unsigned n, struct guest_fault *fault)
{
	(void)arg;
	if (access_faults(linear, n, false, fault))
		return false;
	for (unsigned i = 0; i < n; i++)
		((u8 *)to)[i] = *trial_byte(linear + i);
	return true;
}

static bool model_write(void *arg, u32 linear, const void *from, unsigned n,
			struct guest_fault *fault)
{
	(void)arg;
	if (access_faults(linear, n, true, fault))
		return false;
	for (unsigned i = 0; i < n; i++)
		*trial_byte(linear + i) = ((const u8 *)from)[i];
	return true;
}

static void model_segment(void *arg, enum user_segment s, struct guest_segment *out)
{
	*out = ((struct native_run *)arg)->segment[s]->is;
}

/* ---- Both execute it -------------------------------------------------------------------- */

static void run_native(struct native_run *run, const struct guest_insn *insn)
{
	u8 *at = native_at(run->segment[SEG_CS]->is.base + (u32)run->regs.ip);

	memcpy(at, insn->byte, insn->length);
	native_run(run);
	memset(at, 0xcc, insn->length);
}

static enum guest_done run_model(struct native_run *run, const struct guest_insn *insn)
{
	const struct guest_memory memory = { model_read, model_write, model_segment, run };
	u64 ip = run->regs.ip;
	enum guest_done done;

	do
		done = guest_insn_execute(insn, &run->regs, &memory, &run->fault);
	while (done == GUEST_DONE && run->regs.ip == ip && insn->rep);
	return done;
}

/* Takes INT3, and the fault of a fetch at IP, for having come there. */
static bool has_arrived(struct native_run *run)
{
	if (run->fault.vector == VEC_BP) {
		run->regs.ip--;
		return true;
	}
	return run->fault.vector == VEC_PF && run->fault.error & PF_INSTR;
}

static unsigned wrong; /* in this trial */

static void compare(const char *what, u64 found, u64 expected)
{
	if (found == expected)
		return;
	printf("# found %s %#lx, expected %#lx\n", what, found, expected);
	wrong++;
}

static void compare_registers(const struct trial *t, const struct native_run *found,
			      const struct native_run *expected, bool faulted)
{
	static const char *const names[] = { "AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI" };
	u64 flags = COMPARED & ~(faulted ? 0 : t->form->undefined);

	/* Whether CMPS has changed flags in iterations before: AMD's has, Intel's not. */
	if (faulted && t->insn.rep && t->form->what & STRING)
		flags &= ~(u64)GUEST_STATUS_FLAGS;

	for (unsigned r = GUEST_AX; r <= GUEST_DI && !(faulted && t->form->what & PARTIAL); r++)
		compare(names[r], guest_reg_read(&found->regs, r, 4),
			guest_reg_read(&expected->regs, r, 4));
	compare("IP", found->regs.ip, expected->regs.ip);
	compare("flags", found->regs.flags & flags, expected->regs.flags & flags);
}

static void compare_fault(const struct guest_fault *found, const struct guest_fault *expected)
{
	compare("vector", found->vector, expected->vector);
	if (found->has_error)
		compare("error code", found->error, expected->error);
	if (found->vector == VEC_PF)
		compare("CR2", found->address, expected->address);
}

static void compare_memory(bool exact)
{
	if (!memcmp(trial_model, native_at(NATIVE_ARENA), NATIVE_SIZE))
		return;
	for (u32 i = 0; i < NATIVE_SIZE && exact; i++)
		if (trial_model[i] != native_at(NATIVE_ARENA)[i]) {
			printf("# at %#x of the arena: ", i);
			compare("byte", trial_model[i], native_at(NATIVE_ARENA)[i]);
			break;
		}
	memcpy(trial_model, native_at(NATIVE_ARENA), NATIVE_SIZE);
}

static void print_trial(const struct trial *t)
{
	const struct pt_regs *r = &t->run.regs;

	printf("# by:");
	for (unsigned i = 0; i < t->insn.length; i++)
		printf(" %02x", t->insn.byte[i]);
	printf("\n# AX %lx CX %lx DX %lx BX %lx SP %lx BP %lx SI %lx DI %lx IP %lx flags %lx\n", r->ax,
	       r->cx, r->dx, r->bx, r->sp, r->bp, r->si, r->di, r->ip, r->flags);
	for (unsigned s = SEG_ES; s <= SEG_GS; s++)
		if (t->run.segment[s])
			printf("# %cS %x", "ECSDFG"[s - 1], t->run.segment[s]->selector);
	printf("\n");
}

static void try(const struct trial *t)
{
	struct native_run expected = t->run, found = t->run;
	bool arrived;
	enum guest_done done;

	run_native(&expected, &t->insn);
	arrived = has_arrived(&expected);
	done = run_model(&found, &t->insn);
	wrong = 0;
	if (done == GUEST_DONE && found.regs.ip - t->run.regs.ip < t->insn.length) {
		compare_memory(false); /* it has jumped into itself */
		return;
	}
	compare("outcome", done, arrived ? GUEST_DONE : GUEST_FAULT);
	if (done == GUEST_FAULT)
		compare_fault(&found.fault, &expected.fault);
	compare_registers(t, &found, &expected, !arrived);
	compare_memory(arrived || !(t->form->what & PARTIAL));
	CHECK_EQ(wrong, 0);
	if (wrong)
		print_trial(t);
}

static void fill(void)
{
	for (u32 i = 0; i < NATIVE_SIZE; i++)
		trial_model[i] = i >> 10 & 1 ? 0x5a : (u8)host_random();
	mprotect(native_at(NATIVE_ARENA), NATIVE_SIZE, PROT_READ | PROT_WRITE);
	memcpy(native_at(NATIVE_ARENA), trial_model, NATIVE_SIZE);
	mprotect(native_at(NATIVE_ARENA), NATIVE_READ_ONLY, PROT_READ);
}

static void test_random(void)
{
	const char *rounds = getenv("HOST_ROUNDS"), *why;
	unsigned long n = ROUNDS * (rounds ? strtoul(rounds, NULL, 0) : 1);
	unsigned *tried = calloc(trial_form_count(), sizeof(*tried));
	struct trial t;

	if (!native_init(&why)) {
		host_skip(why);
		return;
	}
	for (unsigned long i = 0; i < n; i++) {
		if (i % 4096 == 0)
			fill();
		tried[trial_choose(&t)]++;
		try(&t);
	}
	for (unsigned f = 0; f < trial_form_count(); f++)
		CHECK(tried[f] > n / trial_form_count() / 8);
	free(tried);
}

const struct host_case host_cases[] = {
	{ "instructions do what the processor does", test_random },
	{ NULL, NULL }
};
