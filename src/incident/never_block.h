/* content/never-block.yml: what no countermeasure may touch, however it is asked for. Blocking concerns what
 * is reached (`networks`, `names`), isolating concerns our own computers (`hosts`). Pure but for reading. */
#ifndef INCIDENT_NEVER_BLOCK_H
#define INCIDENT_NEVER_BLOCK_H

#include "base/arena.h"
#include "base/error.h"
#include "base/ip.h"

struct never_block;
/* Lives in `arena`. NULL with a sentence naming file and line: an entry that is misspelt would protect
 * nothing. */
const struct never_block *never_block_load(const char *path, struct arena *arena,
                                           struct error *err) MUST_CHECK;

/* Whether blocking that network, or (network NULL) that name, would touch something of the list. */
bool never_block_has(const struct never_block *list, struct str name, const struct cidr *network);
/* Whether a computer of that name or address (either may be "") is never cut off. */
bool never_block_has_host(const struct never_block *list, struct str name, struct str ip);

#endif
