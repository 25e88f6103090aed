/* Small things that several shapes share. Stage: parse. Next: syslog.c, the header in front of most records.
 */
#include "parse/named.h"

static char unescaped_letter(char c)
{
    return c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
}

struct str named_unescape(struct str text, char escape, const char *escapable, bool control_letters,
                          struct arena *arena)
{
    size_t at = str_find_char(text, escape, 0);
    if (at == STR_NOT_FOUND)
        return text;
    char *out = arena_alloc(arena, text.n);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == escape && i + 1 < text.n) {
            char next = text.p[i + 1];
            if (control_letters && unescaped_letter(next) != next) {
                out[n++] = unescaped_letter(next);
                i++;
                continue;
            }
            if (!*escapable || (next && strchr(escapable, next))) {
                out[n++] = next;
                i++;
                continue;
            }
        }
        out[n++] = c;
    }
    return str_n(out, n);
}
