/* Texts as numbers (stage fleet). Number 0 is the empty text; past NAMES_MAX new ones are refused and
 * counted. */
#include "base/memory.h"
#include "fleet/state.h"

void names_init(struct names *n)
{
    *n = (struct names){0};
    arena_init(&n->arena, 64 << 10);
    n->capacity = 256;
    n->texts = NEW_ARRAY(struct str, n->capacity);
    n->texts[0] = STR_EMPTY;
    n->count = 1;
}

void names_free(struct names *n)
{
    map_free(&n->by_text);
    memory_free(n->texts);
    arena_free(&n->arena);
}

name_id name_put(struct names *n, struct str text)
{
    if (text.n == 0)
        return 0;
    text = str_slice(text, 0, 256);
    uintptr_t *known = map_find(&n->by_text, text);
    if (known != NULL)
        return (name_id)*known;
    if (n->count >= NAMES_MAX) {
        n->refused++;
        return 0;
    }
    if (n->count == n->capacity) {
        n->capacity *= 2;
        n->texts = memory_resize_array(n->texts, n->capacity, sizeof *n->texts);
    }
    n->texts[n->count] = arena_str(&n->arena, text);
    *map_put(&n->by_text, n->texts[n->count], NULL) = n->count;
    return n->count++;
}

struct str name_text(const struct names *n, name_id id)
{
    return id < n->count ? n->texts[id] : STR_EMPTY;
}
