/* Stage: query. Events that nobody asks for by name stay out of a search: those with a certain field, unless
 * the text speaks of that field. Next: match.c. */
#include "base/memory.h"
#include "query/tree.h"

static bool mentions(const struct node *n, struct str field)
{
    for (const struct node *c = n->child; c; c = c->next)
        if (mentions(c, field))
            return true;
    return n->kind == NODE_TERM && str_eq(n->term->column->name, field);
}

static bool pipes_mention(const struct pipe *p, struct str field)
{
    for (; p; p = p->next) {
        if (p->where && mentions(p->where, field))
            return true;
        for (uint32_t i = 0; i < p->groups.count; i++)
            if (str_eq(p->groups.items[i]->name, field))
                return true;
    }
    return false;
}

void query_hide(struct query *q, struct str field)
{
    if (mentions(q->filter, field) || pipes_mention(q->pipes, field))
        return;
    struct column *column = ARENA_NEW(&q->arena, struct column);
    struct term *term = ARENA_NEW(&q->arena, struct term);
    struct node *nodes = ARENA_ARRAY(&q->arena, struct node, 3);
    column_of_field(arena_str(&q->arena, field), column);
    *term = (struct term){.kind = TERM_EXISTS, .column = column};
    nodes[0] = (struct node){.kind = NODE_TERM, .term = term};
    nodes[1] = (struct node){.kind = NODE_NOT, .child = &nodes[0]};
    if (q->filter->kind == NODE_ALL) {
        q->filter = &nodes[1];
        return;
    }
    q->filter->next = &nodes[1];
    nodes[2] = (struct node){.kind = NODE_AND, .child = q->filter};
    q->filter = &nodes[2];
}
