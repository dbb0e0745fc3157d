/* meter - a router's flow cache that counts octets: loads become records of volumes. */
#ifndef SPOOR_TOOLS_EVAL_METER_H
#define SPOOR_TOOLS_EVAL_METER_H

#include "correlate/volume.h"
#include "tools/eval/carry.h"
#include "tools/eval/exporter.h"

#define METER_RECORDS_MAX 512 /* of one way; later ones are not told */

/*
 * The records of both ways by `x`'s timeouts, clock and losses. Answers are acknowledgements, a
 * share of what is sent.
 */
void meter_export(const struct exporter *x, struct prng *p, const struct load *sent,
                  struct volume_side *ret);

#endif
