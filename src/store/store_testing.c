/* Helpers of the store stage's tests and bench. */
#include "store/store_testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

static void open_state(struct test_folder *f)
{
    char path[96];
    struct error err;
    snprintf(path, sizeof path, "%s/state.db", f->path);
    f->state = state_open(path, &err);
    if (!f->state) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
}

void test_folder_make(struct test_folder *f)
{
    snprintf(f->path, sizeof f->path, "/tmp/hyakuyo-store-XXXXXX");
    BUG_IF(!mkdtemp(f->path));
    open_state(f);
}

void test_folder_reopen(struct test_folder *f)
{
    state_close(f->state);
    open_state(f);
}

void test_folder_remove(struct test_folder *f)
{
    char command[96];
    state_close(f->state);
    snprintf(command, sizeof command, "rm -rf '%s'", f->path);
    BUG_IF(system(command) != 0);
}

struct batch *test_batch(uint64_t first, uint32_t count, test_fill_fn *fill)
{
    struct batch *b = batch_new(count);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t sequence = first + i;
        char raw[64];
        int n = snprintf(raw, sizeof raw, "event %llu", (unsigned long long)sequence);
        struct record *r = batch_add(b, str_n(raw, (size_t)n), STR("192.0.2.1"));
        r->sequence = sequence;
        struct event *e = &b->events[i];
        *e = (struct event){.raw = r->raw, .sequence = sequence, .received_ns = TEST_TIME_NS + 5000};
        e->time_ns = TEST_TIME_NS + (int64_t)sequence * NS_PER_SECOND;
        if (fill)
            fill(b, e, sequence);
    }
    b->first_sequence = first;
    b->last_sequence = first + count - 1;
    return b;
}

void test_add(struct batch *b, struct event *e, const char *field, const char *text)
{
    event_add(e, &b->arena, field_intern(str_c(field)), arena_str(&b->arena, str_c(text)));
}

void test_add_c(struct batch *b, struct event *e, field_id field, const char *text)
{
    event_add(e, &b->arena, field, arena_str(&b->arena, str_c(text)));
}

static bool take_row(void *context, const struct store_result *result, const struct store_cell *cells)
{
    for (uint32_t i = 0; i < result->column_count; i++) {
        if (i)
            buf_char(context, ' ');
        store_cell_json(&result->columns[i], &cells[i], context);
    }
    buf_char(context, '\n');
    return true;
}

struct buf test_query(struct store *s, const struct store_query *q)
{
    struct buf out = {0};
    struct error err;
    if (store_query(s, q, take_row, &out, NULL, &err) != STORE_DONE) {
        fprintf(stderr, "%.*s: %s\n", STR_ARGS(q->sql), err.text);
        abort();
    }
    return out;
}

struct buf test_rows(struct store *s, const char *sql)
{
    return test_query(s, &(struct store_query){.sql = str_c(sql), .filter = PART_FILTER_ALL});
}

int64_t test_number(struct store *s, const char *sql)
{
    struct buf rows = test_rows(s, sql);
    int64_t number = strtoll(buf_cstr(&rows), NULL, 10);
    buf_free(&rows);
    return number;
}
