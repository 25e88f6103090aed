/* Reports to public bodies: template and case → text, HTML, JSON (stage report). The folder is read by
 * form_load.c. */
#include "report/outside/form.h"

#include "base/clock.h"
#include "base/json.h"

const struct form *forms_find(const struct forms *all, struct str id)
{
    for (size_t i = 0; i < all->count; i++)
        if (str_eq(all->items[i].id, id))
            return &all->items[i];
    return NULL;
}

/* --------------------------------------------------------------------- values */

static struct str time_text(const struct case_export *c, int64_t time_ns)
{
    char text[TIME_TEXT_MAX];
    int64_t whole = time_ns - time_ns % NS_PER_SECOND;
    return arena_str(c->arena, str_n(text, time_format_local(whole, zone_find(STR("local")), text)));
}

static struct str joined(const struct case_export *c, const struct str *items, size_t count)
{
    struct buf out = {0};
    for (size_t i = 0; i < count; i++) {
        buf_c(&out, i ? ", " : "");
        buf_add(&out, items[i]);
    }
    struct str done = arena_str(c->arena, buf_str(&out));
    buf_free(&out);
    return done;
}

static struct str peers_of(const struct case_export *c)
{
    struct observable *all;
    size_t count = case_indicators(c, &all);
    struct str *values = ARENA_ARRAY(c->arena, struct str, count + 1);
    for (size_t i = 0; i < count; i++)
        values[i] = all[i].value;
    return joined(c, values, count);
}

static struct str techniques_of(const struct case_export *c)
{
    struct str *all;
    size_t count = case_techniques(c, &all);
    return joined(c, all, count);
}

static struct str of_incident(const struct case_export *c, struct str name)
{
    const struct incident *i = c->facts->incident;
    if (str_eq(name, STR("number")))
        return arena_printf(c->arena, "%llu", (unsigned long long)i->id);
    if (str_eq(name, STR("title")))
        return i->title_ja.n ? redact_text(c->redactor, i->title_ja) : export_title(c);
    if (str_eq(name, STR("type")))
        return i->type;
    if (str_eq(name, STR("hosts")))
        return redact_text(c->redactor, i->hosts);
    if (str_eq(name, STR("first")))
        return time_text(c, i->first_ns);
    if (str_eq(name, STR("last")))
        return time_text(c, i->last_ns);
    if (str_eq(name, STR("opened")))
        return time_text(c, i->opened_ns);
    if (str_eq(name, STR("peers")))
        return peers_of(c);
    return str_eq(name, STR("techniques")) ? techniques_of(c) : STR_EMPTY;
}

struct str form_value(const struct form_field *field, const struct case_export *c)
{
    struct str own = case_fact(c->facts, field->id), rest = field->from, source;
    if (own.n)
        return redact_text(c->redactor, own);
    if (!str_split(&rest, ':', &source))
        return STR_EMPTY;
    if (str_eq(source, STR("fact")))
        return redact_text(c->redactor, case_fact(c->facts, rest));
    if (str_eq(source, STR("organisation")))
        return str_eq(rest, STR("email")) ? c->email : c->organisation;
    return of_incident(c, rest);
}

struct str form_missing(const struct form *f, const struct case_export *c)
{
    struct str *ids = ARENA_ARRAY(c->arena, struct str, f->field_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < f->field_count; i++)
        if (f->fields[i].is_required && form_value(&f->fields[i], c).n == 0)
            ids[count++] = f->fields[i].id;
    return joined(c, ids, count);
}

/* ------------------------------------------------------------------ rendering */

static struct str in(enum language language, struct str en, struct str ja)
{
    return language == LANGUAGE_JA ? ja : en;
}

static void render_text(const struct form *f, const struct case_export *c, enum language l,
                        struct str supplements, struct buf *out)
{
    struct str title = in(l, f->title_en, f->title_ja), to = in(l, f->to_en, f->to_ja),
               tlp = tlp_label(c->tlp);
    buf_printf(out, "%.*s\n%.*s\n%.*s (%.*s)\n", STR_ARGS(tlp), STR_ARGS(title), STR_ARGS(to),
               STR_ARGS(f->version));
    if (supplements.n)
        buf_printf(out, "%s: %.*s\n", l == LANGUAGE_JA ? "追加報告（最初の報告）" : "Supplement to",
                   STR_ARGS(supplements));
    for (size_t i = 0; i < f->field_count; i++) {
        struct str label = in(l, f->fields[i].label_en, f->fields[i].label_ja),
                   value = form_value(&f->fields[i], c);
        buf_printf(out, "\n[%.*s]\n%.*s\n", STR_ARGS(label), STR_ARGS(value));
    }
}

static void render_html(const struct form *f, const struct case_export *c, enum language l,
                        struct str supplements, struct buf *out)
{
    buf_printf(out, "<!doctype html><html lang=\"%s\"><meta charset=\"utf-8\"><title>",
               l == LANGUAGE_JA ? "ja" : "en");
    buf_markup(out, in(l, f->title_en, f->title_ja));
    buf_c(out, "</title><p><strong>");
    buf_markup(out, tlp_label(c->tlp));
    buf_c(out, "</strong></p><h1>");
    buf_markup(out, in(l, f->title_en, f->title_ja));
    buf_c(out, "</h1><p>");
    buf_markup(out, in(l, f->to_en, f->to_ja));
    buf_c(out, "</p>");
    if (supplements.n) {
        buf_c(out, l == LANGUAGE_JA ? "<p>追加報告（最初の報告）: " : "<p>Supplement to: ");
        buf_markup(out, supplements);
        buf_c(out, "</p>");
    }
    buf_c(out, "<table>");
    for (size_t i = 0; i < f->field_count; i++) {
        buf_c(out, "<tr><th scope=\"row\">");
        buf_markup(out, in(l, f->fields[i].label_en, f->fields[i].label_ja));
        buf_c(out, "</th><td>");
        buf_markup(out, form_value(&f->fields[i], c));
        buf_c(out, "</td></tr>");
    }
    buf_c(out, "</table></html>\n");
}

static void render_json(const struct form *f, const struct case_export *c, struct str supplements,
                        struct buf *out)
{
    struct json_writer w = {.out = out};
    json_begin_object(&w);
    export_member(&w, "form", f->id);
    export_member(&w, "version", f->version);
    export_member(&w, "tlp", tlp_label(c->tlp));
    export_member(&w, "supplements", supplements);
    json_key(&w, "fields");
    json_begin_array(&w);
    for (size_t i = 0; i < f->field_count; i++) {
        json_begin_object(&w);
        export_member(&w, "id", f->fields[i].id);
        export_member(&w, "label", f->fields[i].label_en);
        export_member(&w, "label_ja", f->fields[i].label_ja);
        json_key(&w, "required");
        json_put_bool(&w, f->fields[i].is_required);
        json_key(&w, "value");
        json_put_str(&w, form_value(&f->fields[i], c));
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
}

void form_render(const struct form *f, const struct case_export *c, enum form_media media,
                 enum language language, struct str supplements, struct buf *out)
{
    if (media == FORM_JSON)
        render_json(f, c, supplements, out);
    else if (media == FORM_HTML)
        render_html(f, c, language, supplements, out);
    else
        render_text(f, c, language, supplements, out);
}
