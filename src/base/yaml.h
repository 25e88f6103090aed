/* YAML with the place of every node, through libfyaml (yaml.c is the only file that includes it).
 * A document becomes a read-only tree in an arena. Limits: 4 MiB, depth 64, 200,000 nodes, no more than
 * 10,000 alias expansions. */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

enum yaml_type { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml {
    enum yaml_type type;
    struct str key; /* when member of a map */
    unsigned key_line, key_column;
    struct str text; /* scalars */
    bool is_plain;   /* scalar written without quotes: may mean null, number or boolean */
    unsigned line, column;
    struct yaml *child; /* first element or member */
    struct yaml *next;  /* next sibling */
    size_t count;       /* children */
};

/* All documents of a file or text, linked by `next`. `path` is used in messages only. NULL on error. */
struct yaml *yaml_parse(struct str text, const char *path, struct arena *arena, struct error *err) MUST_CHECK;
struct yaml *yaml_load(const char *path, struct arena *arena, struct error *err) MUST_CHECK;

struct yaml *yaml_get(const struct yaml *map, const char *key); /* NULL when absent or not a map */
struct str yaml_text(const struct yaml *map, const char *key);  /* "" when absent or not a scalar */
bool yaml_is_null(const struct yaml *node);                     /* absent, plain ~, null or empty */
bool yaml_bool(const struct yaml *map, const char *key, bool fallback);
int64_t yaml_int(const struct yaml *map, const char *key, int64_t fallback);

#endif
