/* Searching what is new among the indicators back through the stored events (S1, S35): who has met it, since
 * when, who was first. One thread of the server, one source after the other; the result is kept in state.db,
 * and each host becomes a record of the program's own ("retro-search"), which a rule turns into a finding
 * like any other: it is stored, replayed and judged. */
#ifndef INTEL_RETRO_H
#define INTEL_RETRO_H

#include "server/server.h"

struct retro;
struct retro *retro_start(struct server *s);
/* Something was imported: looks for sources that wait. Any thread; NULL is fine. */
void retro_poke(struct retro *r);
/* Ends the query that runs; what waits is searched after the next start. NULL is fine. */
void retro_stop(struct retro *r);

#endif
