/* The response record for the console: entries newest first, the head, the check, and erasure of a text. */
#include "base/log.h"
#include "console/roles.h"
#include "recorder/record_check.h"
#include "server/server.h"
#include "store/state_record.h"

#define CHANGES_SHOWN 200 /* of one entry */

static bool fail(const struct error *err, int status, struct console_failure *failure)
{
    failure->status = status;
    failure->en = *err;
    return false;
}

static void put_text(struct json_writer *w, const char *name, struct str text)
{
    json_key(w, name);
    json_put_str(w, text);
}

static void put_number(struct json_writer *w, const char *name, uint64_t number)
{
    json_key(w, name);
    json_put_u64(w, number);
}

static void put_hash(struct json_writer *w, const char *name, struct str hash)
{
    char text[2 * RECORD_HASH_BYTES + 1] = "";
    if (hash.n == RECORD_HASH_BYTES)
        record_hash_text((const struct record_hash *)(const void *)hash.p, text);
    put_text(w, name, str_c(text));
}

/* An import may be one entry with ten thousand changes: the first of them, and how many there are. */
static void put_changes(struct json_writer *w, const struct record_change_row *rows, uint32_t count)
{
    put_number(w, "change_count", count);
    json_key(w, "changes");
    json_begin_array(w);
    for (uint32_t i = 0; i < count && i < CHANGES_SHOWN; i++) {
        json_begin_object(w);
        put_text(w, "table", rows[i].table);
        put_number(w, "id", rows[i].id);
        put_text(w, "field", rows[i].field);
        put_text(w, "old", rows[i].old_value);
        put_text(w, "new", rows[i].new_value);
        json_end_object(w);
    }
    json_end_array(w);
}

/* text is null for those who may not know of persons, and where it was erased. */
static void put_entry(struct json_writer *w, const struct record_row *e, bool may_see_persons)
{
    const struct {
        const char *name;
        struct str text;
    } texts[] = {{"tz", e->tz},
                 {"action", e->action},
                 {"actor", e->actor},
                 {"role", e->role},
                 {"on_behalf", e->on_behalf},
                 {"target", e->target},
                 {"instructed_by", e->instructed_by},
                 {"approved_by", e->approved_by},
                 {"reported_to", e->reported_to},
                 {"evidence", e->evidence},
                 {"criteria_version", e->criteria_version}};
    put_number(w, "seq", e->seq);
    json_key(w, "ts_recorded");
    json_put_time(w, e->recorded_ns);
    json_key(w, "ts_event");
    json_put_time(w, e->event_ns);
    json_key(w, "clock_back_ns");
    json_put_i64(w, e->clock_back_ns);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        put_text(w, texts[i].name, texts[i].text);
    put_number(w, "incident", e->incident);
    put_number(w, "incident_seq", e->incident_seq);
    json_key(w, "erased");
    json_put_bool(w, e->is_erased);
    json_key(w, "text");
    if (may_see_persons && !e->is_erased)
        json_put_str(w, e->text);
    else
        json_put_null(w);
    put_hash(w, "prev_hash", e->prev_hash);
    put_hash(w, "payload_hash", e->payload_hash);
    put_hash(w, "entry_hash", e->entry_hash);
}

static bool list(struct server *s, const struct record_request *request, struct arena *arena,
                 struct buf *json, struct error *err)
{
    struct json_writer w = {.out = json};
    struct record_row *rows;
    struct record_change_row *changes;
    uint32_t count, change_count;
    struct record_filter f = {.incident = request->incident,
                              .before_seq = request->seq,
                              .actor = request->actor,
                              .from_ns = request->from_ns,
                              .to_ns = request->to_ns,
                              .limit = request->limit,
                              .newest_first = true};
    if (!state_record_list(s->state, &f, arena, &rows, &count, err))
        return false;
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < count; i++) {
        if (!state_record_changes(s->state, rows[i].seq, arena, &changes, &change_count, err))
            return false;
        json_begin_object(&w);
        put_entry(&w, &rows[i], request->viewer.may_see_persons);
        put_changes(&w, changes, change_count);
        json_end_object(&w);
    }
    json_end_array(&w);
    put_number(&w, "next_before", count == f.limit ? rows[count - 1].seq : 0);
    json_end_object(&w);
    return true;
}

static bool head(struct server *s, struct arena *arena, struct buf *json, struct error *err)
{
    struct json_writer w = {.out = json};
    struct record_row row;
    if (!state_record_head(s->state, 0, arena, &row, err))
        return false;
    json_begin_object(&w);
    put_number(&w, "seq", row.seq);
    put_hash(&w, "entry_hash", row.entry_hash);
    json_key(&w, "ts_recorded");
    json_put_time(&w, row.seq ? row.recorded_ns : TIME_UNKNOWN);
    json_end_object(&w);
    return true;
}

static void on_bad(void *context, uint64_t seq, const char *why)
{
    struct json_writer *w = context;
    json_begin_object(w);
    put_number(w, "seq", seq);
    put_text(w, "reason", str_c(why));
    json_end_object(w);
}

static bool verify(struct server *s, struct buf *json, struct error *err)
{
    struct json_writer w = {.out = json};
    struct record_check check = {.state = s->state,
                                 .data_dir = s->data_dir,
                                 .content = s->content_folder,
                                 .found = on_bad,
                                 .context = &w};
    json_begin_object(&w);
    json_key(&w, "problems");
    json_begin_array(&w);
    if (!record_check_run(&check, err))
        return false;
    json_end_array(&w);
    put_number(&w, "entries", check.entries);
    put_number(&w, "checkpoints", check.checkpoints);
    put_number(&w, "compared", check.compared);
    put_number(&w, "not_compared", check.not_compared);
    json_end_object(&w);
    return true;
}

static bool erase(struct server *s, const struct record_request *request, struct arena *arena,
                  struct buf *json, struct error *err)
{
    struct buf role = {0};
    roles_format(request->viewer.roles, &role);
    bool ok =
        recorder_erase(s->recorder, request->seq, request->viewer.user, buf_str(&role), request->text, err);
    buf_free(&role);
    return ok && head(s, arena, json, err);
}

static bool record(void *ctx, const struct record_request *request, struct buf *json,
                   struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct arena arena;
    arena_init(&arena, 64 << 10);
    bool ok = request->kind == RECORD_LIST     ? list(s, request, &arena, json, &err)
              : request->kind == RECORD_HEAD   ? head(s, &arena, json, &err)
              : request->kind == RECORD_VERIFY ? verify(s, json, &err)
                                               : erase(s, request, &arena, json, &err);
    arena_free(&arena);
    return ok || fail(&err, request->kind == RECORD_ERASE ? 404 : 500, failure);
}

void services_record(struct console_services *s)
{
    s->record = record;
}
