/* Learns headers of tables in the order of the journal. On the hot path a record costs one look at its
 * source's place and a search for '#'; only a line that may be a header is read twice. */
#include "engine/tables.h"

#include <pthread.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/state_tables.h"

struct source_tables {
    struct table_list *list;
    struct known_tables known;
};

/* A header was sent. Those between the hand-over and the last stored event wait here for their part. */
struct sent {
    uint64_t sequence;
    uint32_t source;
    uint32_t number;  /* in the source's list */
    bool is_repeated; /* later among those that are being committed */
};

struct tables {
    const struct registry *registry;
    struct source_tables *by_source; /* [SOURCE_NUMBER_MAX], list made when first needed */
    struct knowledge *knowledge;     /* what `scratch` belongs to; NULL until a header comes */
    struct normaliser_scratch *scratch;
    struct arena arena;
    pthread_mutex_t lock; /* guards `waiting` */
    struct buf waiting;   /* struct sent each, by sequence */
};

static bool load(struct tables *t, struct state *state, struct error *err)
{
    struct arena arena;
    struct table_row *rows;
    uint32_t count;
    uint64_t newest = 0;
    arena_init(&arena, 16 << 10);
    bool ok = state_tables_load(state, &arena, &rows, &count, err);
    for (uint32_t i = 0; ok && i < count; i++) {
        struct source_tables *s = rows[i].source < SOURCE_NUMBER_MAX ? &t->by_source[rows[i].source] : NULL;
        if (s == NULL || rows[i].number != s->known.count)
            continue; /* not ours: the columns tell what they are, until a header comes */
        if (s->list == NULL)
            s->list = table_list_new();
        if (!table_list_read(s->list, rows[i].header))
            continue;
        bool is_last = s->known.count == 0 || rows[i].last_sequence >= newest;
        newest = is_last ? rows[i].last_sequence : newest;
        s->known = (struct known_tables){s->list, (uint16_t)(rows[i].number + 1),
                                         is_last ? (uint16_t)rows[i].number : s->known.last};
    }
    arena_free(&arena);
    return ok;
}

struct tables *tables_new(struct state *state, const struct registry *registry, struct error *err)
{
    struct tables *t = NEW(struct tables);
    t->registry = registry;
    t->by_source = memory_array(SOURCE_NUMBER_MAX, sizeof *t->by_source);
    arena_init(&t->arena, 16 << 10);
    pthread_mutex_init(&t->lock, NULL);
    if (load(t, state, err))
        return t;
    tables_free(t);
    return NULL;
}

static void leave_knowledge(struct tables *t)
{
    if (t->knowledge == NULL)
        return;
    normaliser_scratch_free(t->scratch);
    knowledge_unref(t->knowledge);
    t->knowledge = NULL;
}

void tables_free(struct tables *t)
{
    if (t == NULL)
        return;
    leave_knowledge(t);
    for (size_t i = 0; i < SOURCE_NUMBER_MAX; i++)
        table_list_free(t->by_source[i].list);
    memory_free(t->by_source);
    arena_free(&t->arena);
    buf_free(&t->waiting);
    pthread_mutex_destroy(&t->lock);
    memory_free(t);
}

static void note_sent(struct tables *t, const struct record *record, uint32_t number)
{
    struct sent sent = {.sequence = record->sequence, .source = record->source, .number = number};
    pthread_mutex_lock(&t->lock);
    buf_bytes(&t->waiting, &sent, sizeof sent);
    pthread_mutex_unlock(&t->lock);
}

static void learn(struct tables *t, const struct record *record, struct knowledge *knowledge)
{
    struct source_tables *s = &t->by_source[record->source];
    struct known_tables before = s->known;
    if (t->knowledge != knowledge) {
        leave_knowledge(t);
        t->knowledge = knowledge_ref(knowledge);
        t->scratch = normaliser_scratch_new(knowledge->normaliser);
    }
    if (s->list == NULL)
        s->list = table_list_new();
    table_list_take(knowledge->normaliser, t->scratch, s->list, &s->known, record,
                    registry_get(t->registry, record->source), &t->arena);
    arena_reset(&t->arena);
    if (s->known.count != before.count || s->known.last != before.last)
        note_sent(t, record, s->known.last);
}

void tables_assign(struct tables *t, struct batch *batch, struct knowledge *knowledge)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        struct record *record = &batch->records[i];
        if (record->source == 0 || record->source >= SOURCE_NUMBER_MAX)
            continue;
        record->tables = t->by_source[record->source].known;
        if (table_may_begin(record->raw))
            learn(t, record, knowledge);
    }
}

/* ------------------------------------------------------------- keeping */

static size_t count_through(const struct buf *waiting, uint64_t last)
{
    const struct sent *sent = (const struct sent *)(const void *)waiting->p;
    size_t count = waiting->n / sizeof *sent, n = 0;
    while (n < count && sent[n].sequence <= last)
        n++;
    return n;
}

/* Log rotation sends the same headers many times: only the last of each is written. */
static void mark_repeated(struct sent *sent, size_t count)
{
    struct map seen = {0};
    for (size_t i = count; i-- > 0;) {
        struct str key = str_n((const char *)&sent[i].source, sizeof sent[i].source + sizeof sent[i].number);
        bool is_new;
        map_put(&seen, key, &is_new);
        sent[i].is_repeated = !is_new;
    }
    map_free(&seen);
}

bool tables_commit(struct tables *t, struct state *state, uint64_t last, struct error *err)
{
    struct buf copy = {0}, header = {0};
    pthread_mutex_lock(&t->lock);
    size_t count = count_through(&t->waiting, last);
    buf_bytes(&copy, t->waiting.p, count * sizeof(struct sent));
    pthread_mutex_unlock(&t->lock);
    struct sent *sent = (struct sent *)(void *)copy.p;
    bool ok = true;
    mark_repeated(sent, count);
    for (size_t i = 0; ok && i < count; i++) {
        if (sent[i].is_repeated)
            continue;
        buf_clear(&header);
        table_list_write(t->by_source[sent[i].source].list, sent[i].number, &header);
        struct table_row row = {sent[i].source, sent[i].number, sent[i].sequence, buf_str(&header)};
        ok = state_tables_put(state, &row, err);
    }
    buf_free(&header);
    buf_free(&copy);
    return ok;
}

void tables_confirm(struct tables *t, uint64_t last)
{
    pthread_mutex_lock(&t->lock);
    size_t done = count_through(&t->waiting, last) * sizeof(struct sent);
    if (done) {
        memmove(t->waiting.p, t->waiting.p + done, t->waiting.n - done);
        t->waiting.n -= done;
    }
    pthread_mutex_unlock(&t->lock);
}
