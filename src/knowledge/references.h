/* content/references.yml: where to read up, and when somebody last looked whether it is still so (S189). */
#ifndef KNOWLEDGE_REFERENCES_H
#define KNOWLEDGE_REFERENCES_H

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"

struct reference {
    struct str id, kind, url, title_en, title_ja, use_en, use_ja;
    int64_t checked_ns; /* that day, UTC; TIME_UNKNOWN = nobody yet */
    int64_t months;     /* after which it must be looked at again */
};

struct references {
    struct arena arena;
    struct reference *rows;
    uint32_t count;
};

/* NULL with a sentence that names file and line. */
struct references *references_load(const char *path, struct error *err) MUST_CHECK;
void references_free(struct references *r); /* NULL is fine */
/* Whether nobody has looked at it within its months. */
bool reference_is_stale(const struct reference *r, int64_t now_ns);
/* One object, with when it is due again and whether that is over. */
void reference_json(const struct reference *r, int64_t now_ns, struct json_writer *w);

#endif
