/*
 * suite_fake - a suite with the sizes of the true one, none of its strength and a hundredth of its
 * price: for simulations of communities that real keys would take a day to sign for.
 *
 * What the layers above can see still holds: a signature of other data, by another key or under
 * another domain does not verify; both ends of a dh agree; what is sealed cannot be read in the
 * datagram, opens with its key and nonce alone, and not after a bit is flipped; the all-zero public
 * key is refused. Anybody who tries can forge all of it. See suite_use() in proto/wire/suite.h.
 */
#ifndef SPOOR_TOOLS_SIM_SUITE_FAKE_H
#define SPOOR_TOOLS_SIM_SUITE_FAKE_H

#include "proto/wire/suite.h"

extern const struct suite suite_fake;

#endif
