/* Stage: query. A name that no field has: a warning with the known names nearest to it. Next: term.c. */
#include "query/tree.h"

/* Levenshtein distance by bytes, letter case ignored; MOST for names that are too different to bother. */
static size_t nearest_distance(struct str a, struct str b)
{
    enum { MOST = 96 };
    size_t row[MOST + 1];
    if (a.n > MOST || b.n > MOST || a.n > b.n + 4 || b.n > a.n + 4)
        return MOST;
    for (size_t j = 0; j <= b.n; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t change = diagonal + (ascii_lower(a.p[i - 1]) != ascii_lower(b.p[j - 1]));
            diagonal = row[j];
            size_t shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < shift ? change : shift;
        }
    }
    return row[b.n];
}

struct nearest {
    struct str names[3];
    size_t distances[3];
    uint32_t count;
};

static void offer_name(struct nearest *n, struct str wanted, struct str name)
{
    size_t distance = nearest_distance(wanted, name);
    if (str_ends(name, wanted) && name.n > wanted.n && name.p[name.n - wanted.n - 1] == '.' && distance > 2)
        distance = 2; /* "ip" for "source.ip" */
    if (distance > 3 || distance * 2 > wanted.n + 2)
        return;
    uint32_t at = n->count < 3 ? n->count++ : 3;
    while (at > 0 && n->distances[at - 1] > distance) {
        if (at < 3) {
            n->names[at] = n->names[at - 1];
            n->distances[at] = n->distances[at - 1];
        }
        at--;
    }
    if (at < 3) {
        n->names[at] = name;
        n->distances[at] = distance;
    }
}

#define WARNING_MAX 16

void parse_warn_unknown(struct parser *p, struct str name, size_t at)
{
    struct query *q = p->q;
    for (uint32_t i = 0; i < q->warning_count; i++)
        if (str_eq(q->warnings[i].name, name))
            return;
    if (q->warning_count == WARNING_MAX)
        return;
    struct nearest n = {.count = 0};
    for (size_t id = 1; id < field_count(); id++)
        offer_name(&n, name, field_name((field_id)id));
    for (size_t i = 0; i < q->context.known_count; i++)
        if (field_find(q->context.known[i]) == FIELD_NONE)
            offer_name(&n, name, q->context.known[i]);
    if (!q->warnings)
        q->warnings = ARENA_ARRAY(&q->arena, struct query_warning, WARNING_MAX);
    struct query_warning *w = &q->warnings[q->warning_count++];
    *w = (struct query_warning){.position = text_count_chars(str_slice(p->text, 0, at)), .name = name};
    for (; w->nearest_count < n.count; w->nearest_count++)
        w->nearest[w->nearest_count] = arena_str(&q->arena, n.names[w->nearest_count]);
}
