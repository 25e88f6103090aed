/* Compiling one parser file: shared by load.c and compile_*.c. Private to this stage. Everything is allocated
 * in the normaliser's arena; a mistake sets the error with file:line:column and returns false or NULL. */
#ifndef NORMALISE_COMPILE_H
#define NORMALISE_COMPILE_H

#include "base/yaml.h"
#include "normalise/program.h"

struct compile {
    struct normaliser *n;
    struct parser *p;
    const char *path;
    struct arena *arena;
    struct error *err;
};

bool compile_mistake(struct compile *c, const struct yaml *node, const char *format, ...) PRINTF_LIKE(3, 4);

void compile_fixed_slots(struct compile *c); /* the well-known fields and the names of the envelope */
slot_id compile_name(struct compile *c, struct str name);
/* SLOT_NONE and an error when no such event field exists. "$name" and "${name}" give the slot of a name. */
slot_id compile_target(struct compile *c, struct str text, const struct yaml *at);
slot_id compile_field(struct compile *c, struct str name, const struct yaml *at);

/* `text` is written at `at`. compile_value: "$x" and "= expression" are evaluated, anything else is a
 * constant. */
const struct expression *compile_expression(struct compile *c, struct str text, const struct yaml *at);
const struct expression *compile_value(struct compile *c, struct str text, const struct yaml *at);

bool compile_assignments(struct compile *c, const struct yaml *map, bool append,
                         const struct assignment **out);
const struct block *compile_block(struct compile *c, const struct yaml *list);
bool compile_tables(struct compile *c, const struct yaml *map);
const struct shape *compile_shape(struct compile *c, const struct yaml *node, bool is_main);
const struct date *compile_date(struct compile *c, const struct yaml *node);
struct regex *compile_regex(struct compile *c, struct str pattern, unsigned flags, const struct yaml *at);
/* A map whose memory the normaliser owns. */
struct map *compile_map(struct compile *c);
/* False when the map has a key that is not in the NULL-terminated list. */
bool compile_known_keys(struct compile *c, const struct yaml *map, const char *const *keys);
/* Texts of a scalar or a list of scalars. */
bool compile_texts(struct compile *c, const struct yaml *node, struct str **texts, uint32_t *count);

const struct function *function_find(struct str name);
bool function_accepts(const struct function *f, uint32_t arguments);
bool function_wants_regex(const struct function *f);
bool function_wants_table(const struct function *f);

/* Recognition (recognise.c). */
bool recognise_compile(struct compile *c, const struct yaml *node);
void recognise_build(struct normaliser *n);
void recognise_free(struct normaliser *n);

#endif
