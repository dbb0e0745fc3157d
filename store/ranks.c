#include "store/ranks.h"

#include "base/util.h"

#include <stddef.h>

/* Puts them in order of one octet; those that have the same stay as they are. */
static void pass(const struct addr *addrs, size_t octet, const uint32_t *from, uint32_t count,
                 uint32_t *to)
{
	uint32_t starts[256] = {0}, sum = 0;

	for (uint32_t i = 0; i < count; i++)
		starts[addrs[i].octets[octet]]++;
	for (size_t i = 0; i < 256; i++) {
		uint32_t some = starts[i];

		starts[i] = sum;
		sum += some;
	}
	for (uint32_t i = 0; i < count; i++)
		to[starts[addrs[from[i]].octets[octet]]++] = from[i];
}

/* Which octets are not the same in all of them. */
static struct addr varying_of(const struct addr *addrs, uint32_t count)
{
	struct addr varying = {{0}};

	for (uint32_t i = 1; i < count; i++) {
		for (size_t j = 0; j < sizeof(varying.octets); j++)
			varying.octets[j] |= addrs[i].octets[j] ^ addrs[0].octets[j];
	}
	return varying;
}

/* Octet by octet, from the last to the first: of IPv4 alone four of them make a difference. */
void ranks_of(const struct addr *addrs, uint32_t count, uint32_t *order, uint32_t *ranks)
{
	struct addr varying = varying_of(addrs, count);
	uint32_t *from = order, *to = ranks;

	for (uint32_t i = 0; i < count; i++)
		from[i] = i;
	for (size_t octet = sizeof(addrs->octets); octet-- > 0;) {
		uint32_t *turned = to;

		if (varying.octets[octet] == 0)
			continue;
		pass(addrs, octet, from, count, to);
		to = from;
		from = turned;
	}
	if (from != order) {
		for (uint32_t i = 0; i < count; i++)
			order[i] = from[i];
	}
	for (uint32_t i = 0; i < count; i++)
		ranks[order[i]] = i;
}
