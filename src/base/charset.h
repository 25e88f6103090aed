/* Source character sets. Bytes that are not UTF-8 are tried as ISO-2022-JP, CP932, EUC-JP and Windows-1252;
 * the winner is the one that decodes whole and looks most like what people write. */
#ifndef BASE_CHARSET_H
#define BASE_CHARSET_H

#include "base/arena.h"
#include "base/str.h"

/* The text as UTF-8: `s` itself when it already is, else a converted copy in the arena; bytes that fit no
 * set become U+FFFD. `*name` (may be NULL) is the set that was used, "UTF-8" or "unknown" included. */
struct str charset_to_utf8(struct str s, struct arena *arena, const char **name);
/* With a given set ("CP932", "EUC-JP", …). */
struct str charset_convert(struct str s, const char *from, struct arena *arena);

#endif
