/* Secrets stand in files of their own, which only their owner may read; texts, logs and answers never show
 * them. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/arena.h"

/* One line, trimmed, NUL behind it, in `arena`. NULL with a sentence: no such file, empty, several lines, or
 * readable by others. */
const char *secret_read(const char *path, struct arena *arena, struct error *err) MUST_CHECK;
/* Overwrites it before its arena goes; NULL is fine. */
void secret_forget(const char *secret);

/* A URL as texts may show it: scheme, host and port, since path, query and user name may be secret. */
struct str url_origin(struct str url, struct arena *arena);

#endif
