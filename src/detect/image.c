/* Bytes of a kept rule set: the small parts.
 * Stage: detect, at load. Next: ruleset_image.c, which says what a rule set consists of. */
#include "detect/image.h"

#define MAX_YAML_DEPTH 80

bool image_expect(struct image *im, bool holds)
{
    im->is_bad = im->is_bad || !holds;
    return !im->is_bad;
}

/* The next `n` bytes, or NULL. */
static char *take(struct image *im, size_t n)
{
    if (!image_expect(im, n <= im->in_bytes - im->at))
        return NULL;
    char *p = im->in + im->at;
    im->at += n;
    return p;
}

static void align(struct image *im)
{
    static const char zeros[8];
    if (!im->is_reading)
        buf_bytes(im->out, zeros, -im->out->n & 7);
    else
        (void)take(im, -im->at & 7);
}

void image_bytes(struct image *im, void *p, size_t n)
{
    if (!im->is_reading) {
        buf_bytes(im->out, p, n);
        return;
    }
    const char *from = take(im, n);
    if (from)
        memcpy(p, from, n);
    else
        memset(p, 0, n);
}

void image_number(struct image *im, uint32_t *n, uint64_t limit)
{
    image_bytes(im, n, sizeof *n);
    if (!image_expect(im, *n < limit))
        *n = 0;
}

void image_str(struct image *im, struct str *s)
{
    uint64_t n = s->n;
    IMAGE_VALUE(im, n);
    if (!im->is_reading) {
        buf_add(im->out, *s);
        buf_char(im->out, '\0');
        return;
    }
    const char *p = image_expect(im, n < SIZE_MAX) ? take(im, n + 1) : NULL;
    *s = p && image_expect(im, p[n] == '\0') ? str_n(p, n) : STR_EMPTY;
}

void *image_array(struct image *im, const void *items, uint32_t *count, size_t each)
{
    static uint64_t nothing[1];
    IMAGE_VALUE(im, *count);
    align(im);
    if (!im->is_reading) {
        if (*count)
            buf_bytes(im->out, items, *count * each);
        return (void *)(uintptr_t)items;
    }
    char *p = take(im, *count * each); /* 32 bits times a small structure: no overflow */
    if (!p)
        *count = 0;
    return p ? p : (char *)nothing;
}

static void walk_yaml(struct image *im, struct yaml *node, unsigned depth)
{
    uint32_t type = (uint32_t)node->type, count = 0;
    uint8_t is_plain = node->is_plain;
    struct yaml **end = &node->child;
    for (const struct yaml *c = im->is_reading ? NULL : node->child; c; c = c->next)
        count++;
    image_number(im, &type, YAML_MAP + 1);
    IMAGE_VALUE(im, is_plain);
    IMAGE_VALUE(im, node->line);
    IMAGE_VALUE(im, node->column);
    IMAGE_VALUE(im, node->key_line);
    IMAGE_VALUE(im, node->key_column);
    image_str(im, &node->key);
    image_str(im, &node->text);
    IMAGE_VALUE(im, count);
    node->type = (enum yaml_type)type;
    node->is_plain = is_plain == 1;
    if (!image_expect(im, depth < MAX_YAML_DEPTH))
        return;
    if (im->is_reading) {
        node->count = count;
        for (uint32_t i = 0; i < count && !im->is_bad; i++, end = &(*end)->next) {
            *end = ARENA_NEW(im->arena, struct yaml);
            walk_yaml(im, *end, depth + 1);
        }
        return;
    }
    for (struct yaml *c = node->child; c; c = c->next)
        walk_yaml(im, c, depth + 1);
}

void image_yaml(struct image *im, const struct yaml **node)
{
    uint8_t is_there = *node != NULL;
    IMAGE_VALUE(im, is_there);
    if (!is_there) {
        *node = NULL;
        return;
    }
    struct yaml *tree = im->is_reading ? ARENA_NEW(im->arena, struct yaml) : (struct yaml *)(uintptr_t)*node;
    walk_yaml(im, tree, 0);
    *node = tree;
}
