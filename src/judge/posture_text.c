/* The posture as text (stage judge): for the API, for replay, and as it is kept between two runs. */
#include "base/json.h"
#include "base/memory.h"
#include "judge/posture_state.h"

#define SAVED_MAGIC "hypostr1"

static const char *const names[POSTURE_LEVELS] = {"green", "yellow", "orange", "red"};

struct str posture_level_name(enum posture_level l)
{
    return str_c(names[l]);
}

bool posture_level_parse(struct str s, enum posture_level *out)
{
    for (int l = 0; l < POSTURE_LEVELS; l++)
        if (str_eq_nocase(s, str_c(names[l]))) {
            *out = (enum posture_level)l;
            return true;
        }
    return false;
}

static void time_member(struct json_writer *w, const char *name, int64_t time_ns)
{
    json_key(w, name);
    json_put_time(w, time_ns);
}

static void text_member(struct json_writer *w, const char *name, struct str text)
{
    json_key(w, name);
    json_put_str(w, text);
}

static void keys_of_level(struct json_writer *w, const struct posture_view *view, int level)
{
    for (uint32_t i = 0; i < view->key_count; i++)
        if (view->keys[i]->level == level)
            json_put_c(w, view->keys[i]->text);
}

void posture_line(const struct posture_view *view, int64_t time_ns, struct buf *out)
{
    struct json_writer w = {.out = out};
    json_begin_object(&w);
    text_member(&w, "kind", STR("posture"));
    time_member(&w, "time", time_ns);
    text_member(&w, "level", posture_level_name(view->level));
    json_key(&w, "keys");
    json_begin_array(&w);
    keys_of_level(&w, view, view->computed);
    json_end_array(&w);
    if (view->is_yellow_noted) {
        json_key(&w, "noted");
        json_begin_object(&w);
        json_key(&w, "yellow");
        json_begin_array(&w);
        keys_of_level(&w, view, POSTURE_YELLOW);
        json_end_array(&w);
        json_end_object(&w);
    }
    json_end_object(&w);
    buf_char(out, '\n');
}

static void key_json(struct json_writer *w, const struct posture_key *key)
{
    json_begin_object(w);
    text_member(w, "key", str_c(key->text));
    text_member(w, "level", posture_level_name((enum posture_level)key->level));
    text_member(w, "rule_id", str_c(key->rule));
    time_member(w, "first", key->first_ns);
    time_member(w, "last", key->last_ns);
    json_end_object(w);
}

static void notice_json(struct json_writer *w, const struct posture_notice *n)
{
    json_begin_object(w);
    json_key(w, "id");
    json_put_i64(w, (int64_t)n->id);
    text_member(w, "issuer", str_c(n->issuer));
    text_member(w, "trend", str_c(n->trend));
    text_member(w, "tlp", str_c(n->tlp));
    if (n->port) {
        json_key(w, "port");
        json_put_i64(w, n->port);
    }
    time_member(w, "time", n->time_ns);
    json_key(w, "is_confirmed");
    json_put_bool(w, n->is_confirmed);
    if (n->is_confirmed) {
        text_member(w, "confirmed_by", str_c(n->confirmed_by));
        time_member(w, "until", n->until_ns);
    }
    json_end_object(w);
}

static void override_json(struct json_writer *w, const struct posture_override *o)
{
    json_begin_object(w);
    text_member(w, "level", posture_level_name((enum posture_level)o->level));
    text_member(w, "reason", str_c(o->reason));
    text_member(w, "by", str_c(o->by));
    text_member(w, "approver", str_c(o->approver));
    time_member(w, "since", o->since_ns);
    time_member(w, "expires", o->expires_ns);
    json_end_object(w);
}

static void duties_json(struct json_writer *w, const struct posture_criteria *c, enum posture_level level)
{
    json_begin_array(w);
    for (uint32_t i = 0; i < c->duty_counts[level]; i++)
        json_put_both(w, c->duties[level][i].en, c->duties[level][i].ja);
    json_end_array(w);
}

static void lists_json(struct json_writer *w, const struct posture *p, const struct posture_view *view)
{
    json_key(w, "keys");
    json_begin_array(w);
    for (uint32_t i = 0; i < view->key_count; i++)
        key_json(w, view->keys[i]);
    json_end_array(w);
    json_key(w, "duties");
    duties_json(w, p->criteria, view->level);
    json_key(w, "notices");
    json_begin_array(w);
    for (uint32_t i = 0; i < view->notice_count; i++)
        notice_json(w, &view->notices[i]);
    json_end_array(w);
}

void posture_json(const struct posture *p, struct buf *out)
{
    struct json_writer w = {.out = out};
    struct posture_view view;
    posture_view(p, &view);
    json_begin_object(&w);
    text_member(&w, "level", posture_level_name(view.level));
    text_member(&w, "computed", posture_level_name(view.computed));
    text_member(&w, "title_en", p->criteria->titles_en[view.level]);
    text_member(&w, "title_ja", p->criteria->titles_ja[view.level]);
    text_member(&w, "criteria", p->criteria->version);
    json_key(&w, "yellow_noted");
    json_put_bool(&w, view.is_yellow_noted);
    json_key(&w, "awaits_confirmation");
    json_put_bool(&w, view.awaits_confirmation);
    if (view.since_ns != 0)
        time_member(&w, "since", view.since_ns);
    if (view.override != NULL) {
        json_key(&w, "override");
        override_json(&w, view.override);
    }
    lists_json(&w, p, &view);
    json_end_object(&w);
}

void posture_save(const struct posture *p, struct buf *out)
{
    buf_c(out, SAVED_MAGIC);
    buf_bytes(out, &p->state, sizeof p->state);
}

static bool is_ended(const char *text, size_t room)
{
    return memchr(text, 0, room) != NULL;
}

/* Whatever is read back is within the limits and its texts end. */
static bool is_sound(const struct posture_state *s)
{
    bool ok = s->key_count <= POSTURE_KEYS_MAX && s->notice_count <= POSTURE_NOTICES_MAX &&
              s->told_level < POSTURE_LEVELS && s->override.level < POSTURE_LEVELS &&
              is_ended(s->override.reason, sizeof s->override.reason) &&
              is_ended(s->override.by, sizeof s->override.by) &&
              is_ended(s->override.approver, sizeof s->override.approver);
    for (uint32_t i = 0; ok && i < s->key_count; i++)
        ok = s->keys[i].level < POSTURE_LEVELS && is_ended(s->keys[i].text, POSTURE_TEXT_MAX) &&
             is_ended(s->keys[i].rule, POSTURE_TEXT_MAX);
    for (uint32_t i = 0; ok && i < s->notice_count; i++)
        ok = is_ended(s->notices[i].issuer, POSTURE_TEXT_MAX) &&
             is_ended(s->notices[i].trend, POSTURE_TEXT_MAX) &&
             is_ended(s->notices[i].tlp, sizeof s->notices[i].tlp) &&
             is_ended(s->notices[i].confirmed_by, POSTURE_TEXT_MAX);
    for (uint32_t i = 0; ok && i < POSTURE_GROUPS_MAX; i++)
        ok = s->groups[i].count <= POSTURE_SOURCES_MAX;
    return ok;
}

bool posture_load(struct posture *p, struct str saved)
{
    struct posture_state *s = NEW(struct posture_state);
    struct str body = str_skip(saved, sizeof SAVED_MAGIC - 1);
    bool ok = str_starts(saved, STR(SAVED_MAGIC)) && body.n == sizeof *s;
    if (ok)
        memcpy(s, body.p, sizeof *s);
    ok = ok && is_sound(s);
    if (ok)
        p->state = *s;
    memory_free(s);
    return ok;
}
