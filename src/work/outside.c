/* Reporting to the outside, loaded once for the server. Next: services_outside.c. */
#include "work/outside.h"

#include <stdio.h>
#include <sys/random.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "base/yaml.h"
#include "store/state_incidents.h"

static const char *file_of(struct outside *o, const char *content, const char *data_dir, const char *name)
{
    const char *own = arena_printf(&o->arena, "%s/%s", data_dir, name).p;
    return file_exists(own) ? own : arena_printf(&o->arena, "%s/%s", content, name).p;
}

static bool make_key(const char *path, struct error *err)
{
    unsigned char key[REDACTION_KEY_BYTES];
    if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
        return error_errno(err, "%s",
                           tr("the system gives no random bytes", "システムから乱数を得られません"));
    return file_write_atomic(path, str_n((const char *)key, sizeof key), 0600, err);
}

static bool load_key(struct outside *o, const char *data_dir, struct error *err)
{
    const char *path = arena_printf(&o->arena, "%s/keys/redaction.key", data_dir).p;
    struct buf bytes = {0};
    bool ok = file_make_folders(arena_printf(&o->arena, "%s/keys", data_dir).p, 0700, err) &&
              (file_exists(path) || make_key(path, err)) && file_read(path, 4096, &bytes, err);
    if (ok && bytes.n != sizeof o->key)
        ok = error_set(err,
                       tr("%s: %zu bytes instead of %d; restore it from a backup, or remove it: then all "
                          "pseudonyms change",
                          "%s: %zu バイトあります(正しくは "
                          "%d)。バックアップから戻すか、削除してください(仮名はすべて変わります)"),
                       path, bytes.n, REDACTION_KEY_BYTES);
    if (ok)
        memcpy(o->key, bytes.p, sizeof o->key);
    buf_free(&bytes);
    return ok;
}

static void make_seed(struct outside *o)
{
    unsigned char code[SHA256_BYTES];
    hmac_sha256(str_n((const char *)o->key, sizeof o->key), STR("identifiers of exports"), code);
    for (size_t i = 0; i < 16; i++)
        snprintf(o->seed + 2 * i, 3, "%02x", code[i]);
}

static bool load_organisation(struct outside *o, const char *path, struct error *err)
{
    const struct yaml *top = yaml_load(path, &o->arena, err);
    o->organisation = yaml_text(top, "name");
    o->email = yaml_text(top, "email");
    return top != NULL;
}

struct outside *outside_load(const char *content, const char *data_dir, struct error *err)
{
    struct outside *o = NEW(struct outside);
    arena_init(&o->arena, 32 << 10);
    o->calendar = calendar_load(file_of(o, content, data_dir, "calendar.yml"), err);
    if (o->calendar != NULL && load_key(o, data_dir, err) &&
        deadlines_load(&o->deadlines, file_of(o, content, data_dir, "deadlines.yml"), &o->arena, err) &&
        load_organisation(o, file_of(o, content, data_dir, "organisation.yml"), err) &&
        forms_load(&o->forms, file_of(o, content, data_dir, "forms"), &o->arena, err)) {
        make_seed(o);
        return o;
    }
    outside_free(o);
    return NULL;
}

void outside_free(struct outside *o)
{
    if (o == NULL)
        return;
    calendar_free(o->calendar);
    explicit_bzero(o->key, sizeof o->key);
    arena_free(&o->arena);
    memory_free(o);
}

/* -------------------------------------------------------------------- a case */

/* The last word about each name. */
static void put_fact(struct case_fact *facts, size_t *count, const struct outside_entry *e)
{
    size_t at = 0;
    while (at < *count && !str_eq(facts[at].name, e->name))
        at++;
    facts[at] = (struct case_fact){e->name, e->value};
    if (at == *count)
        ++*count;
}

static struct deadline_mark mark_of(const struct outside_entry *e)
{
    bool is_waived = e->kind == OUTSIDE_WAIVED;
    return (struct deadline_mark){.rule_id = e->name,
                                  .is_waived = is_waived,
                                  .when_ns = e->at_ns,
                                  .who = e->who,
                                  .reason = is_waived ? e->value : STR_EMPTY,
                                  .receipt = e->receipt,
                                  .report = e->id};
}

bool outside_case_load(struct state *state, uint64_t incident, struct arena *arena, struct outside_case *out,
                       struct error *err)
{
    *out = (struct outside_case){0};
    if (!state_incidents_load(state, incident, arena, &out->incident, err) ||
        !state_outside_list(state, incident, arena, &out->entries, &out->entry_count, err))
        return false;
    struct case_fact *facts = ARENA_ARRAY(arena, struct case_fact, out->entry_count + 1);
    struct case_known *known = ARENA_ARRAY(arena, struct case_known, out->entry_count + 1);
    out->marks = ARENA_ARRAY(arena, struct deadline_mark, out->entry_count + 1);
    out->facts = (struct case_facts){.incident = &out->incident, .facts = facts, .known = known};
    for (uint32_t i = 0; i < out->entry_count; i++) {
        const struct outside_entry *e = &out->entries[i];
        if (e->kind == OUTSIDE_FACT)
            put_fact(facts, &out->facts.fact_count, e);
        else if (e->kind == OUTSIDE_KNEW)
            known[out->facts.known_count++] = (struct case_known){e->name, e->who, e->at_ns};
        else if (e->kind == OUTSIDE_MET || e->kind == OUTSIDE_WAIVED)
            out->marks[out->mark_count++] = mark_of(e);
    }
    return true;
}

struct deadline *outside_deadlines(const struct outside *o, const struct outside_case *c,
                                   const struct zone *zone, int64_t now_ns, struct arena *arena)
{
    return deadlines_judge(&o->deadlines, &c->facts, c->marks, c->mark_count, o->calendar, zone, now_ns,
                           arena);
}

bool outside_deadlines_are_met(const struct outside *o, struct state *state, uint64_t incident,
                               const struct zone *zone, int64_t now_ns, struct error *err)
{
    struct arena arena;
    struct outside_case c;
    arena_init(&arena, 64 << 10);
    bool ok = outside_case_load(state, incident, &arena, &c, err) &&
              deadlines_are_met(outside_deadlines(o, &c, zone, now_ns, &arena), o->deadlines.count, err);
    arena_free(&arena);
    return ok;
}
