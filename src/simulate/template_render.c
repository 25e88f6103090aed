/* Rendering templates: the inner loop of a simulation. Compiled by template.c. */
#include "simulate/template_parts.h"

static void put_from(struct buf *out, struct random *random, const char *alphabet, uint32_t size,
                     uint32_t count)
{
    char *p = buf_reserve(out, count);
    for (uint32_t i = 0; i < count; i++)
        p[i] = alphabet[random_next(random) % size];
    out->n += count;
}

static void put_outside(struct buf *out, uint64_t number)
{
    static const char *const nets[] = {"192.0.2.", "198.51.100.", "203.0.113."};
    number %= OUTSIDE_COUNT;
    buf_c(out, nets[number / 254]);
    buf_u64(out, number % 254 + 1);
}

static void put_lognormal(struct buf *out, struct random *random, double median, double sigma)
{
    double value = median * exp(sigma * random_normal(random));
    buf_i64(out, value < 9e15 ? (int64_t)value : INT64_C(9000000000000000));
}

static void put_part(const struct part *p, const struct rendering *r, struct buf *out)
{
    static const char lower[] = "abcdefghijklmnopqrstuvwxyz234567";
    const struct cell *cell = &r->cells[p->cell];
    switch (p->kind) {
    case PART_TEXT:
        buf_add(out, p->text);
        return;
    case PART_TIME:
        time_form_put((enum time_form)p->column, r->time_ns, out);
        return;
    case PART_HOST:
        buf_add(out, cell->host->texts[p->column]);
        return;
    case PART_CELL:
        buf_add(out, cell->text);
        return;
    case PART_COLUMN:
        buf_add(out, list_cell(p->list, cell->row, p->column));
        return;
    case PART_BETWEEN:
        buf_i64(out, random_between(r->random, (int64_t)p->a, (int64_t)p->b));
        return;
    case PART_LOGNORMAL:
        put_lognormal(out, r->random, p->a, p->b);
        return;
    case PART_HEX:
        put_from(out, r->random, "0123456789abcdef", 16, (uint32_t)p->a);
        return;
    case PART_BASE32:
        put_from(out, r->random, lower, 32, (uint32_t)p->a);
        return;
    case PART_LETTERS:
        put_from(out, r->random, lower, 26, (uint32_t)p->a);
        return;
    case PART_DIGITS:
        put_from(out, r->random, "0123456789", 10, (uint32_t)p->a);
        return;
    case PART_INDEX:
        buf_u64(out, r->index);
        return;
    case PART_PICK:
        buf_add(out, list_cell(p->list, (uint32_t)(random_next(r->random) % p->list->count), 0));
        return;
    case PART_NTH:
        buf_add(out, list_cell(p->list, r->index % p->list->count, 0));
        return;
    case PART_OUTSIDE:
        put_outside(out, random_next(r->random));
        return;
    case PART_NTH_OUTSIDE:
        put_outside(out, r->index);
        return;
    }
}

void template_render(const struct template *t, const struct rendering *r, struct buf *out)
{
    for (uint32_t i = 0; i < t->count; i++)
        put_part(&t->parts[i], r, out);
}
