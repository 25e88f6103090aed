/* For tests/test_parquet.py: writes parts that hold every type and every awkward value, and prints what our
 * own reader finds.
 *
 *   store_tool write FOLDER     makes FOLDER/state.db and FOLDER/events
 *   store_tool dump FOLDER      each row as a JSON object on a line, in order of sequence; times in
 * microseconds */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "store/store.h"

enum { ROWS = 5000 };

static void add(struct batch *b, struct event *e, field_id field, const char *text)
{
    event_add(e, &b->arena, field, arena_str(&b->arena, str_c(text)));
}

static void fill(struct batch *b, struct event *e, uint64_t n)
{
    char text[64];
    snprintf(text, sizeof text, "10.%u.%u.%u", (unsigned)(n % 3), (unsigned)(n / 200), (unsigned)(n % 200));
    add(b, e, FIELD_SOURCE_IP, text);
    event_add_number(e, &b->arena, FIELD_DESTINATION_PORT, (int64_t)(n % 5 ? 443 : 8080));
    event_add_number(e, &b->arena, FIELD_SOURCE_BYTES,
                     n == 7   ? INT64_MIN
                     : n == 8 ? INT64_MAX
                              : (int64_t)(n * n));
    add(b, e, FIELD_MESSAGE,
        n % 4 == 0   ? ""
        : n % 4 == 1 ? "日本語 \xF0\x9F\x8C\xA4 \"quoted\" \\ \t"
                     : "plain");
    if (n % 3)
        add(b, e, FIELD_TAGS, "first");
    if (n % 3 == 2)
        add(b, e, FIELD_TAGS, text);
    if (n % 11 == 0)
        event_add_double(e, &b->arena, FIELD_EVENT_RISK_SCORE, (double)n / 7);
    if (n % 2)
        add(b, e, FIELD_DLL_CODE_SIGNATURE_EXISTS, n % 4 == 1 ? "true" : "false");
    if (n % 1000 == 999)
        add(b, e, FIELD_EVENT_START, "1969-07-20T20:17:40.5Z");
    snprintf(text, sizeof text, "value %u", (unsigned)(n % 9));
    event_add(e, &b->arena, field_intern(STR("acme.odd name\"'")), arena_str(&b->arena, str_c(text)));
    if (n == 4000)
        e->raw = STR("\x83\x65\x83\x58\x83\x67"); /* CP932 */
}

static struct batch *make_batch(uint64_t first, uint32_t count)
{
    struct batch *b = batch_new(count);
    for (uint32_t i = 0; i < count; i++) {
        char raw[64];
        int n = snprintf(raw, sizeof raw, "record %llu", (unsigned long long)(first + i));
        struct event *e = &b->events[i];
        e->raw = batch_add(b, str_n(raw, (size_t)n), STR("192.0.2.1"))->raw;
        e->time_ns = (INT64_C(1762732389) + (int64_t)(first + i)) * NS_PER_SECOND + 123456789;
        e->received_ns = e->time_ns + NS_PER_SECOND;
        fill(b, e, first + i);
    }
    b->first_sequence = first;
    b->last_sequence = first + count - 1;
    return b;
}

static bool write_parts(const char *folder, struct error *err)
{
    struct buf path = {0};
    buf_printf(&path, "%s/state.db", folder);
    struct state *state = state_open(buf_cstr(&path), err);
    buf_free(&path);
    if (!state)
        return false;
    struct store *s =
        store_open(&(struct store_config){.data_dir = folder, .state = state, .is_merging_off = true}, err);
    bool ok = s != NULL;
    for (uint64_t at = 1; ok && at <= ROWS; at += 1000) {
        ok = store_put(s, make_batch(at, 1000));
        if (at == 3001)
            ok = ok && store_flush(s, 10000);
    }
    ok = ok && (store_flush(s, 10000) || error_set(err, "the parts were not written in time"));
    store_close(s);
    state_close(state);
    return ok;
}

static void put_cell(const struct store_column *c, const struct store_cell *cell, struct buf *out)
{
    if (c->type == TYPE_DATE && !cell->is_null)
        buf_i64(out, cell->number / 1000 - (cell->number % 1000 < 0));
    else
        store_cell_json(c, cell, out);
}

static bool print_row(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct buf *line = context;
    buf_clear(line);
    for (uint32_t i = 0; i < result->column_count; i++) {
        buf_char(line, i ? ',' : '{');
        json_string(line, result->columns[i].name);
        buf_char(line, ':');
        put_cell(&result->columns[i], &cells[i], line);
    }
    buf_c(line, "}\n");
    fwrite(line->p, 1, line->n, stdout);
    return true;
}

static bool dump(const char *folder, struct error *err)
{
    struct buf line = {0};
    struct store *s = store_open_readonly(folder, err);
    if (!s)
        return false;
    struct store_query q = {.sql = STR("SELECT * FROM events ORDER BY \"hyakuyo.sequence\""),
                            .filter = PART_FILTER_ALL};
    bool ok = store_query(s, &q, print_row, &line, NULL, err) == STORE_DONE;
    store_close(s);
    buf_free(&line);
    return ok;
}

int main(int argc, char **argv)
{
    struct error err = {.text = ""};
    if (argc != 3 || (strcmp(argv[1], "write") != 0 && strcmp(argv[1], "dump") != 0)) {
        fprintf(stderr, "usage: store_tool write|dump FOLDER\n");
        return 2;
    }
    if (strcmp(argv[1], "write") == 0 ? write_parts(argv[2], &err) : dump(argv[2], &err))
        return 0;
    fprintf(stderr, "%s\n", err.text);
    return 1;
}
