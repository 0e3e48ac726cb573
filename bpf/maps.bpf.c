// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The one definition of the shared state, and the licence that the kernel asks for. */
#define WHYLATE_DEFINE_MAPS
#include "maps.bpf.h"
#include "connections.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
