/* Between the stages: what each hands on, and to whom. Next: serve_reload.c. */
#include "serve/serve.h"

#include "base/log.h"
#include "base/memory.h"
#include "work/work.h"

const char *serve_data_path(struct start *start, const char *name)
{
    return arena_printf(&start->arena, "%s/%s", start->server->data_dir, name).p;
}

void serve_note_cursor(struct start *start, struct str cursor)
{
    struct cursor_list *list = &start->cursors;
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 64;
        list->items = memory_resize_array(list->items, list->capacity, sizeof *list->items);
    }
    list->items[list->count++] = arena_str(&start->arena, cursor);
}

bool serve_journal_sink(void *context, struct batch *batch)
{
    struct start *start = context;
    return engine_take(start->server->engine, batch);
}

void serve_journal_mark(void *context, const struct journal_mark *mark)
{
    struct start *start = context;
    ledger_mark(start->server->ledger, mark);
    if (mark->cursor.n && start->server->inputs == NULL) /* recovery: where the tailed files go on */
        serve_note_cursor(start, mark->cursor);
}

void serve_journal_gap(void *context, uint64_t first, uint64_t last)
{
    struct start *start = context;
    engine_skip(start->server->engine, first, last);
}

void serve_journal_room(void *context)
{
    struct start *start = context;
    if (start->server->inputs != NULL)
        inputs_room(start->server->inputs);
}

bool serve_store_prepare(void *context, uint64_t last, struct error *err)
{
    struct server *s = context;
    (void)last; /* the desk has seen more than that */
    return desk_keep_all(s->desk, err);
}

bool serve_store_commit(void *context, struct state *state, uint64_t first, uint64_t last, struct error *err)
{
    struct server *s = context;
    (void)first;
    return ledger_commit(s->ledger, state, last, err) && tables_commit(s->tables, state, last, err);
}

void serve_store_on_stored(void *context, uint64_t last)
{
    struct server *s = context;
    ledger_confirm(s->ledger, last);
    tables_confirm(s->tables, last);
    if (s->journal != NULL)
        journal_release(s->journal, last);
}

bool serve_input_submit(void *context, struct submission *submission)
{
    struct server *s = context;
    return journal_submit(s->journal, submission);
}

void serve_publish_batch(void *context, const struct batch *batch)
{
    struct server *s = context;
    lag_batch(s->lag, batch);
    pthread_mutex_lock(&s->publish_lock);
    if (s->console != NULL) {
        for (const struct finding *f = batch->findings; f != NULL; f = f->next)
            console_publish_finding(s->console, f);
        console_offer_events(s->console, batch);
    }
    pthread_mutex_unlock(&s->publish_lock);
}

void serve_publish_incident(void *context, const struct incident *incident, bool is_new)
{
    struct server *s = context;
    (void)is_new;
    work_follow(s, incident);
    pthread_mutex_lock(&s->publish_lock);
    if (s->console != NULL && incident->state != INCIDENT_CANDIDATE)
        console_publish_incident(s->console, incident);
    pthread_mutex_unlock(&s->publish_lock);
}

void serve_take_loss(void *context, const struct input_tally *tally)
{
    struct server *s = context;
    ledger_lost(s->ledger, tally);
    s->received += tally->count.received;
}
