/* Which of many patterns can match at all. Stage: parse. The literal text at the start of each pattern (each
 * way through its optional and alternative parts) is put into a byte tree; a text walks the tree once and
 * meets the patterns whose start it has. They are tried in the order in which they were given. Next: the
 * stage normalise, parser.h. */
#include "parse/pattern_program.h"

#define PREFIX_MAX   32 /* bytes of literal start that are looked at */
#define PREFIXES_MAX 16 /* ways through one pattern's start; more: it is always tried */
#define TRIED_MAX    256

struct branch {
    uint8_t byte;
    uint32_t node;
    uint32_t next; /* branch of the same node, 0 = none */
};

struct node {
    uint32_t branches; /* 0 = none */
    uint32_t entries;  /* list of patterns whose prefix ends here, 0 = none */
};

struct entry {
    uint32_t pattern, next;
};

struct pattern_set {
    const struct pattern *const *patterns;
    size_t count;
    struct node *nodes;
    struct branch *branches;
    struct entry *entries;
    uint32_t node_count, branch_count, entry_count;
};

struct prefixes {
    struct str items[PREFIXES_MAX];
    size_t count;
    bool too_many;
};

/* Walks from `pc` with what is collected so far and stores every prefix that comes out. */
static void collect(const struct pattern *p, uint32_t pc, char *bytes, size_t n, struct prefixes *out,
                    struct arena *arena)
{
    for (;;) {
        const struct operation *o = &p->operations[pc];
        if (o->code == OP_SPLIT && n < PREFIX_MAX && !out->too_many) {
            char copy[PREFIX_MAX];
            memcpy(copy, bytes, n);
            if (o->second != NO_BRANCH)
                collect(p, o->second, copy, n, out, arena);
            pc = o->first;
            continue;
        }
        if (o->code == OP_JUMP) {
            pc = o->first;
            continue;
        }
        if (o->code == OP_LITERAL && n < PREFIX_MAX) {
            size_t take = o->literal.n < PREFIX_MAX - n ? o->literal.n : PREFIX_MAX - n;
            memcpy(bytes + n, o->literal.p, take);
            n += take;
            if (take == o->literal.n && n < PREFIX_MAX) {
                pc++;
                continue;
            }
        }
        break;
    }
    if (out->count == PREFIXES_MAX) {
        out->too_many = true;
        return;
    }
    out->items[out->count++] = arena_str(arena, str_n(bytes, n));
}

static uint32_t child_of(struct pattern_set *set, uint32_t node, uint8_t byte)
{
    for (uint32_t b = set->nodes[node].branches; b; b = set->branches[b].next)
        if (set->branches[b].byte == byte)
            return set->branches[b].node;
    uint32_t child = set->node_count++, b = ++set->branch_count;
    set->branches[b] = (struct branch){.byte = byte, .node = child, .next = set->nodes[node].branches};
    set->nodes[node].branches = b;
    return child;
}

static void insert(struct pattern_set *set, struct str prefix, uint32_t pattern)
{
    uint32_t node = 0;
    for (size_t i = 0; i < prefix.n; i++)
        node = child_of(set, node, (uint8_t)prefix.p[i]);
    uint32_t e = ++set->entry_count;
    set->entries[e] = (struct entry){.pattern = pattern, .next = set->nodes[node].entries};
    set->nodes[node].entries = e;
}

struct pattern_set *pattern_set_new(const struct pattern *const *patterns, size_t count, struct arena *arena)
{
    struct pattern_set *set = ARENA_NEW(arena, struct pattern_set);
    struct prefixes *all = NEW_ARRAY(struct prefixes, count ? count : 1);
    size_t bytes = 1, entries = 1;
    for (size_t i = 0; i < count; i++) {
        char start[PREFIX_MAX];
        if (!patterns[i]->anywhere)
            collect(patterns[i], 0, start, 0, &all[i], arena);
        if (patterns[i]->anywhere || all[i].too_many) {
            all[i].count = 1;
            all[i].items[0] = STR_EMPTY;
        }
        entries += all[i].count;
        for (size_t k = 0; k < all[i].count; k++)
            bytes += all[i].items[k].n;
    }
    set->patterns = patterns;
    set->count = count;
    set->nodes = ARENA_ARRAY(arena, struct node, bytes + 1);
    set->branches = ARENA_ARRAY(arena, struct branch, bytes + 1);
    set->entries = ARENA_ARRAY(arena, struct entry, entries + 1);
    set->node_count = 1;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < all[i].count; k++)
            insert(set, all[i].items[k], (uint32_t)i);
    memory_free(all);
    return set;
}

/* Keeps `tried` sorted; few items, so insertion is the cheapest way. */
static size_t note(uint32_t *tried, size_t count, uint32_t pattern)
{
    size_t at = count;
    while (at && tried[at - 1] > pattern)
        at--;
    if ((at && tried[at - 1] == pattern) || count == TRIED_MAX)
        return count;
    memmove(tried + at + 1, tried + at, (count - at) * sizeof *tried);
    tried[at] = pattern;
    return count + 1;
}

static uint32_t step(const struct pattern_set *set, uint32_t node, uint8_t byte)
{
    for (uint32_t b = set->nodes[node].branches; b; b = set->branches[b].next)
        if (set->branches[b].byte == byte)
            return set->branches[b].node;
    return 0;
}

int pattern_set_match(const struct pattern_set *set, struct str text, struct str *captures)
{
    uint32_t tried[TRIED_MAX], node = 0;
    size_t count = 0;
    for (size_t i = 0;; i++) {
        for (uint32_t e = set->nodes[node].entries; e; e = set->entries[e].next)
            count = note(tried, count, set->entries[e].pattern);
        if (i >= text.n)
            break;
        node = step(set, node, (uint8_t)text.p[i]);
        if (!node)
            break;
    }
    for (size_t i = 0; i < count; i++)
        if (pattern_match(set->patterns[tried[i]], text, captures))
            return (int)tried[i];
    return -1;
}
