/* Any bytes as JSON: the reader and the tree agree on what is JSON, names and texts are UTF-8, and what is
 * written from the leaves can be read again. */
#include "base/json.h"

static void check_leaves(struct json_reader *r, const struct json_leaves *leaves, struct arena *arena)
{
    static const struct json_limits limits = {.max_depth = 2, .max_leaves = 100000};
    struct buf out = {0};
    struct json_writer w = {.out = &out};
    json_begin_array(&w);
    for (uint32_t i = 0; i < leaves->count; i++) {
        BUG_IF(!str_is_utf8(leaves->items[i].name) || !str_is_utf8(leaves->items[i].text));
        json_put_str(&w, leaves->items[i].text);
    }
    json_end_array(&w);
    struct json_leaves again = {0};
    BUG_IF(!json_flatten(r, buf_str(&out), &limits, arena, &again, NULL));
    BUG_IF(again.count != leaves->count);
    for (uint32_t i = 0; i < leaves->count; i++)
        BUG_IF(!str_eq(again.items[i].text, leaves->items[i].text));
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_limits limits = {.max_depth = 64, .max_leaves = 100000};
    struct str s = str_n((const char *)data, size);
    struct json_reader *r = json_reader_new();
    struct arena arena = {0};
    struct json_leaves leaves = {0};
    struct error err;
    bool is_json = json_flatten(r, s, &limits, &arena, &leaves, &err);
    if (is_json)
        check_leaves(r, &leaves, &arena);
    bool is_tree = json_parse(s, &arena, &err) != NULL;
    BUG_IF(is_json && !is_tree);
    size_t n = json_value_length(s);
    BUG_IF(n > size);
    struct buf out = {0};
    json_string(&out, s);
    BUG_IF(!str_is_utf8(buf_str(&out)) || !json_parse(buf_str(&out), &arena, &err));
    buf_free(&out);
    arena_free(&arena);
    json_reader_free(r);
    return 0;
}
