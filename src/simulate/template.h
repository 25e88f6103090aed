/* Lines as templates: text with ${…} in it, compiled once into parts, rendered millions of times.
 *
 *   ${t.iso}              the line's time in one of the forms of time_forms.def
 *   ${host.ip}            an attribute of the host that acts; ${peer.ip}: of a host bound by `let` or a role
 *   ${site.domain}        a column of a row that `let` picked; ${url}: a text of `let`, or a value of `with`
 *   ${proxy.ip}           an attribute of the server with that key
 *   ${between 1 9} ${hex 8} ${base32 48} ${letters 6} ${digits 4} ${port} ${lognormal 4000 1.2}
 *   ${pick LIST} ${nth LIST} ${outside} ${nth_outside} ${i}      i counts a step's repetitions from 0
 *
 * A format is a named line with values of its own: `format: squid, with: {url: …}` compiles the format's text
 * with the names of `with` written in. Rendering looks no name up. */
#ifndef SIMULATE_TEMPLATE_H
#define SIMULATE_TEMPLATE_H

#include "simulate/office.h"
#include "simulate/random.h"
#include "simulate/time_form.h"

/* ---------------------------------------------------------------- lists */

struct list {
    struct str name;
    struct str *columns; /* of a list of maps; a list of scalars has one, "" */
    uint32_t column_count;
    struct str *cells; /* row by row */
    uint32_t count;
};
static inline struct str list_cell(const struct list *l, uint32_t row, uint32_t column)
{
    return l->cells[(size_t)row * l->column_count + column];
}

/* ---------------------------------------------------------------- names */

#define CELLS_MAX 48

enum cell_kind { CELL_TEXT, CELL_ROW, CELL_HOST };
struct cell_name {
    struct str name;
    enum cell_kind kind;
    const struct list *list; /* CELL_ROW */
};
/* Cell 0 is the host that acts. */
struct scope {
    struct cell_name cells[CELLS_MAX];
    uint32_t count;
};
int scope_find(const struct scope *s, struct str name); /* −1 = none */
bool scope_add(struct scope *s, struct str name, enum cell_kind kind, const struct list *list);

/* What the cells hold while something is rendered. */
struct cell {
    union {
        struct str text;
        uint32_t row;
        const struct host *host;
    };
};
struct rendering {
    struct random *random;
    const struct cell *cells;
    int64_t time_ns;
    uint32_t index; /* ${i} */
};

/* ---------------------------------------------------------------- words */

/* All that names can stand for; immutable once the simulation runs. */
struct words {
    struct arena *arena;
    const struct office *office;
    struct list *lists;
    size_t list_count, list_capacity;
    const struct yaml *formats; /* map of name → {source, text, defaults} */
    const char *formats_path;
};
const struct list *words_list(const struct words *w, struct str name);
/* Reads lists.yml: lists of scalars, of maps, and of templates that are rendered `count` times. */
bool words_read_lists(struct words *w, const char *path, uint64_t seed, struct error *err) MUST_CHECK;
bool words_read_formats(struct words *w, const char *path, struct error *err) MUST_CHECK;

struct template
{
    struct part *parts;
    uint32_t count;
};
/* Both put the template's parts into words->arena; `path` is for messages. */
bool template_compile(const struct words *w, const struct scope *scope, const char *path,
                      const struct yaml *node, struct template *out, struct error *err) MUST_CHECK;
/* `use` is the map with format, with and host; its source is that of the format. */
bool template_compile_format(const struct words *w, const struct scope *scope, const char *path,
                             const struct yaml *use, struct template *out, struct str *source,
                             struct error *err) MUST_CHECK;
void template_render(const struct template *t, const struct rendering *r, struct buf *out);

#endif
