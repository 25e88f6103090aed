/* For the tests and the bench of this stage: a data directory that goes away, and batches of made-up events.
 */
#ifndef STORE_STORE_TESTING_H
#define STORE_STORE_TESTING_H

#include "store/store.h"

struct test_folder {
    char path[64];
    struct state *state;
};

/* A fresh folder below /tmp with a state.db. */
void test_folder_make(struct test_folder *f);
void test_folder_reopen(struct test_folder *f); /* closes and opens state.db */
void test_folder_remove(struct test_folder *f);

/* A batch of `count` events from `first` on; `fill` (may be NULL) adds to each. Raw: "event N". Time: N
 * seconds after TEST_TIME_NS. */
#define TEST_TIME_NS (INT64_C(1762732389) * NS_PER_SECOND) /* 2025-11-09T23:53:09Z */
typedef void test_fill_fn(struct batch *b, struct event *e, uint64_t sequence);
struct batch *test_batch(uint64_t first, uint32_t count, test_fill_fn *fill);

void test_add(struct batch *b, struct event *e, const char *field, const char *text);
void test_add_c(struct batch *b, struct event *e, field_id field, const char *text);

/* Runs a query whose result is one number. */
int64_t test_number(struct store *s, const char *sql);
/* All rows as lines, cells as JSON with a space between. The caller frees the buf. */
struct buf test_query(struct store *s, const struct store_query *q);
struct buf test_rows(struct store *s, const char *sql);

#endif
