/* One record of the Windows event log, as NXLog writes it: a flat JSON object. Mostly Sysmon, in the proportions of
 * an office whose Sysmon watches processes, files, registry, network and names. */
#ifndef BENCH_WINDOWS_LINES_H
#define BENCH_WINDOWS_LINES_H

#include "chance.h"

/* Into g->line, without an end of line. */
void windows_line(struct generator *g);

#endif
