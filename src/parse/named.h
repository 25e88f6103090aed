/* Named strings: what every shape of this stage leaves. Names and texts are borrowed from the record or live
 * in the arena that was passed to the shape. */
#ifndef PARSE_NAMED_H
#define PARSE_NAMED_H

#include "base/arena.h"
#include "base/str.h"

#define NAMED_MAX 2048 /* more pairs of one record are left out (`was_cut`); the raw record keeps them */

struct named {
    struct str name;
    struct str text;
};

/* Reused from record to record by one thread; about 64 KiB. */
struct named_list {
    uint32_t count;
    bool was_cut;
    struct named items[NAMED_MAX];
};

static inline void named_clear(struct named_list *list)
{
    list->count = 0;
    list->was_cut = false;
}

static inline void named_add(struct named_list *list, struct str name, struct str text)
{
    if (list->count == NAMED_MAX) {
        list->was_cut = true;
        return;
    }
    list->items[list->count++] = (struct named){name, text};
}

/* The first text of that name, or a str whose p is NULL. For tests and small lists. */
static inline struct str named_get(const struct named_list *list, const char *name)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (str_eq(list->items[i].name, str_c(name)))
            return list->items[i].text;
    return (struct str){NULL, 0};
}

/* Removes `escape` in front of any of the characters in `escapable` ("" = any character); with
 * `control_letters` \n \r \t become the control characters. The text itself when there is nothing to do, else
 * a copy. */
struct str named_unescape(struct str text, char escape, const char *escapable, bool control_letters,
                          struct arena *arena);

#endif
