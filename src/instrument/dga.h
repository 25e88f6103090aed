/* How much a label looks generated, by the model that the dga instrument counted from its words; 0 when there
 * is none. `dga` is instrument_neighbour(i, "dga"). */
#ifndef INSTRUMENT_DGA_H
#define INSTRUMENT_DGA_H

#include "instrument/kind.h"

double dga_likeness(void *const *dga, struct str label);

#endif
