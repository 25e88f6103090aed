/* Asking connectors, and what they would send (stage connect). Next: radius.c. */
#include "connect/connectors.h"

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/secret.h"
#include "connect/radius.h"

struct str connector_kind_name(enum connector_kind kind)
{
    static const char *const names[] = {"webhook", "command", "radius"};
    return str_c(names[kind]);
}

struct str connector_act_name(enum connector_act act)
{
    static const char *const names[ACT_COUNT] = {"carry_out", "undo", "test"};
    return str_c(names[act]);
}

bool connector_act_parse(struct str name, enum connector_act *act)
{
    for (int i = 0; i < ACT_COUNT; i++)
        if (str_eq(name, connector_act_name((enum connector_act)i))) {
            *act = (enum connector_act)i;
            return true;
        }
    return false;
}

void connectors_forget(struct connectors *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        secret_forget(c->items[i].secret);
}

const struct connector *connector_find(const struct connectors *c, struct str name)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (str_eq(c->items[i].name, name))
            return &c->items[i];
    return NULL;
}

bool connector_is_for(const struct connector *c, struct str device)
{
    bool is = false;
    for (uint32_t i = 0; i < c->serves_count; i++)
        is |= str_eq(c->serves[i], device);
    return is && c->is_on;
}

/* --------------------------------------------------------------------- values */

static const struct {
    const char *name;
    size_t at;
} values_of[] = {{"key", offsetof(struct connector_values, key)},
                 {"device", offsetof(struct connector_values, device)},
                 {"target", offsetof(struct connector_values, target)},
                 {"host", offsetof(struct connector_values, host)},
                 {"ip", offsetof(struct connector_values, ip)},
                 {"mac", offsetof(struct connector_values, mac)},
                 {"mac_colon", offsetof(struct connector_values, mac_colon)},
                 {"mac_plain", offsetof(struct connector_values, mac_plain)},
                 {"user", offsetof(struct connector_values, user)},
                 {"countermeasure", offsetof(struct connector_values, countermeasure)},
                 {"incident", offsetof(struct connector_values, incident)},
                 {"expires", offsetof(struct connector_values, expires)},
                 {"approved_by", offsetof(struct connector_values, approved_by)}};

static const struct str *value_of(const struct connector_values *values, struct str name)
{
    for (size_t i = 0; i < COUNT_OF(values_of); i++)
        if (str_eq(name, str_c(values_of[i].name)))
            return (const struct str *)(const void *)((const char *)values + values_of[i].at);
    return NULL;
}

/* The next {name} at or after `from`; false when there is none. "{" without "}" is an unknown name. */
static bool next_name(struct str text, size_t from, size_t *open, size_t *end, struct str *name)
{
    *open = str_find_char(text, '{', from);
    if (*open == STR_NOT_FOUND)
        return false;
    size_t close = str_find_char(text, '}', *open);
    *end = close == STR_NOT_FOUND ? text.n : close + 1;
    *name = close == STR_NOT_FOUND ? str_skip(text, *open) : str_slice(text, *open + 1, close);
    return true;
}

bool connector_check_names(struct str text, struct str *unknown)
{
    static const struct connector_values none;
    size_t open, end;
    for (size_t from = 0; next_name(text, from, &open, &end, unknown); from = end)
        if (value_of(&none, *unknown) == NULL)
            return false;
    return true;
}

/* One pass: what a value holds is never read as a {name} again. */
static bool expand(struct str text, const struct connector_values *values, struct arena *arena,
                   struct str *out, struct error *err)
{
    struct buf all = {0};
    struct str name;
    size_t from = 0, open, end;
    bool ok = true;
    for (; ok && next_name(text, from, &open, &end, &name); from = end) {
        const struct str *value = value_of(values, name); /* p NULL, n 0 when nobody filled it in */
        buf_add(&all, str_slice(text, from, open));
        ok = value != NULL && value->n > 0;
        if (ok)
            buf_add(&all, *value);
        else
            error_set(err, tr("of '%.*s' the {%.*s} is not known", "「%.*s」の {%.*s} が分かりません"),
                      STR_ARGS(values->target), STR_ARGS(name));
    }
    buf_add(&all, str_skip(text, from));
    *out = arena_str(arena, buf_str(&all));
    buf_free(&all);
    return ok;
}

/* ------------------------------------------------------------------ rendering */

static void put(struct json_writer *w, const char *key, struct str text)
{
    json_key(w, key);
    json_put_str(w, text);
}

static void put_known(struct json_writer *w, const char *key, struct str text)
{
    if (text.n)
        put(w, key, text);
}

static void put_number(struct json_writer *w, const char *key, struct str text)
{
    int64_t number;
    if (!str_to_i64(text, &number))
        return;
    json_key(w, key);
    json_put_i64(w, number);
}

static void render_webhook(enum connector_act act, const struct connector_values *v, struct json_writer *w)
{
    json_begin_object(w);
    put(w, "key", v->key);
    put(w, "act", connector_act_name(act));
    put_number(w, "countermeasure", v->countermeasure);
    put_number(w, "incident", v->incident);
    put_known(w, "device", v->device);
    put_known(w, "target", v->target);
    put_known(w, "host", v->host);
    put_known(w, "ip", v->ip);
    put_known(w, "mac", v->mac);
    put_number(w, "expires", v->expires);
    put_known(w, "approved_by", v->approved_by);
    json_end_object(w);
}

/* An argument must not become an option by what stands in a value. */
static bool is_argument(struct str form, struct str text, struct error *err)
{
    if (str_find_char(text, 0, 0) == STR_NOT_FOUND &&
        !(str_starts(text, STR("-")) && !str_starts(form, STR("-"))))
        return true;
    return error_set(err, tr("'%.*s' cannot be an argument", "「%.*s」は引数にできません"), STR_ARGS(text));
}

static bool render_command(const struct connector *c, const struct connector_form *form,
                           const struct connector_values *values, struct arena *arena, struct json_writer *w,
                           struct error *err)
{
    json_begin_array(w);
    json_put_c(w, c->program);
    for (uint32_t i = 0; i < form->count; i++) {
        struct str text;
        if (!expand(form->texts[i], values, arena, &text, err) || !is_argument(form->texts[i], text, err))
            return false;
        json_put_str(w, text);
    }
    json_end_array(w);
    return true;
}

/* A session that cannot be there: the device says so, and by that that it hears us and shares the secret. */
static void render_probe(const struct connector_values *values, struct json_writer *w)
{
    json_begin_object(w);
    put(w, "request", STR("Disconnect-Request"));
    json_key(w, "attributes");
    json_begin_array(w);
    json_begin_object(w);
    put(w, "name", STR("Acct-Session-Id"));
    put(w, "value", values->key);
    json_end_object(w);
    json_end_array(w);
    json_end_object(w);
}

static bool render_radius(const struct connector_form *form, const struct connector_values *values,
                          struct arena *arena, struct json_writer *w, struct error *err)
{
    struct radius_packet trial;
    radius_begin(&trial, form->is_coa ? RADIUS_COA_REQUEST : RADIUS_DISCONNECT_REQUEST, 0);
    json_begin_object(w);
    put(w, "request", str_c(radius_code_name((enum radius_code)trial.bytes[0])));
    json_key(w, "attributes");
    json_begin_array(w);
    for (uint32_t i = 0; i < form->count; i++) {
        struct str text;
        if (!expand(form->texts[i], values, arena, &text, err) ||
            !radius_put(&trial, form->names[i], text, err))
            return false;
        json_begin_object(w);
        put(w, "name", form->names[i]);
        put(w, "value", text);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
    return true;
}

bool connector_render(const struct connector *c, enum connector_act act,
                      const struct connector_values *values, struct arena *arena, struct buf *out,
                      struct error *err)
{
    struct json_writer w = {.out = out};
    const struct connector_form *form = &c->forms[act];
    if (c->kind == CONNECTOR_WEBHOOK) {
        render_webhook(act, values, &w);
        return true;
    }
    if (c->kind == CONNECTOR_RADIUS && act == ACT_TEST) {
        render_probe(values, &w);
        return true;
    }
    if (!form->is_given && act == ACT_TEST) {
        json_begin_array(&w); /* the program is only looked at */
        json_end_array(&w);
        return true;
    }
    if (!form->is_given)
        return error_set(err, tr("%.*s has no '%.*s'", "%.*s には「%.*s」がありません"), STR_ARGS(c->name),
                         STR_ARGS(connector_act_name(act)));
    return c->kind == CONNECTOR_COMMAND ? render_command(c, form, values, arena, &w, err)
                                        : render_radius(form, values, arena, &w, err);
}
