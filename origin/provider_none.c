/* What stands for the BPF providers where the build could not make their programs. */
#include "origin/provider_kind.h"

#include <stdio.h>

static enum err none_open(const struct provider_kind *kind, const char *argument,
                          struct provider **ret, char why[PROVIDER_WHY_MAX])
{
	(void)kind, (void)argument, (void)ret;
	snprintf(why, PROVIDER_WHY_MAX,
	         "not in this build: it had no clang, bpftool or kernel BTF");
	return ERR_NOENT;
}

const struct provider_kind provider_bpf_kind = {.name = "bpf", .open = none_open};
const struct provider_kind provider_bpf_minimal_kind = {.name = "bpf-minimal", .open = none_open};
