/* hyakuyo serve from inside: what its parts share. serve_start.c puts the stages together, serve_wiring.c
 * carries what goes between them, serve_reload.c swaps what they know, serve.c runs and stops them. */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include "cli/command.h"
#include "server/server.h"

/* Where the tailed files go on: what state.db has, then what the journal brings, oldest first. */
struct cursor_list {
    struct str *items;
    size_t count, capacity;
};

/* What the start needs beside the server itself. */
struct start {
    struct server *server;
    const struct arguments *arguments;
    struct arena arena; /* of paths and cursors */
    const char *canary_file;
    struct cursor_list cursors;
};

/* Below the data folder; lives as long as the start's arena. */
const char *serve_data_path(struct start *start, const char *name);

/* serve_start.c: everything, in the order of the data, backwards. What was started before an error is stopped
 * by server_stop(). */
bool server_start(struct start *start, struct error *err) MUST_CHECK;
/* serve.c: the other way round. */
void server_stop(struct start *start);

/* serve_reload.c */
struct context *server_load_context(struct server *s, struct error *err) MUST_CHECK;
/* The organisation's own fleet.yml in the data folder, else the one that came with the program. */
struct fleet_rules *serve_fleet_rules(struct server *s, struct error *err) MUST_CHECK;
void server_reload(struct server *s); /* all of it; what cannot be loaded stays as it was, and that is told */

/* serve_wiring.c: calls from one stage to the next, by the thread of the first. `context` is the struct start
 * for the journal's and the struct server for the others. */
/* Where a tailed file goes on, met before the inputs start. */
void serve_note_cursor(struct start *start, struct str cursor);
bool serve_journal_sink(void *context, struct batch *batch);
void serve_journal_mark(void *context, const struct journal_mark *mark);
void serve_journal_gap(void *context, uint64_t first, uint64_t last);
void serve_journal_room(void *context);
bool serve_store_prepare(void *context, uint64_t last, struct error *err);
bool serve_store_commit(void *context, struct state *state, uint64_t first, uint64_t last, struct error *err);
void serve_store_on_stored(void *context, uint64_t last);
bool serve_input_submit(void *context, struct submission *submission);
void serve_publish_batch(void *context, const struct batch *batch);
void serve_publish_incident(void *context, const struct incident *incident, bool is_new);
void serve_take_loss(void *context, const struct input_tally *tally);

/* serve_record.c: the record from start to stop. */
bool serve_record_open(struct server *s, struct error *err) MUST_CHECK;
void serve_record_content(struct server *s, const char *what); /* "server.start", "server.reload" */
void serve_record_posture(void *context, const struct posture_view *view, int64_t time_ns);
void serve_record_checkpoint(struct server *s, bool now);
void serve_record_stop(struct server *s, bool was_running);

/* serve_lag.c: once a second. */
void serve_tell_lags(struct server *s);

#endif
