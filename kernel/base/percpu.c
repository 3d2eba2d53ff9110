/*
 * What all CPUs share that every layer may ask for.  What each has for itself is its
 * vault: kernel/base/percpu.h.
 */
#include "kernel/base/cpumask.h"
#include "kernel/base/percpu.h"

struct cpumask cpus_online;
u64 trap_count[256];
