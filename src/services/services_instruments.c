/* The instruments for the console: what each has seen, told and holds, with which parameters, and the lists
 * that some keep for people (S63–S65 destinations, S103 rules that are allowed and not used). */
#include "base/json.h"
#include "console/metrics.h"
#include "server/server.h"

static void put_number(struct json_writer *w, const char *key, uint64_t number)
{
    json_key(w, key);
    json_put_u64(w, number);
}

static void put_parameter(struct json_writer *w, const struct parameter_info *p)
{
    json_begin_object(w);
    json_key(w, "name");
    json_put_str(w, p->name);
    json_key(w, "value");
    json_put_double(w, p->value);
    json_key(w, "unit");
    json_put_str(w, p->unit);
    json_both(w, "description", p->description_en, p->description_ja);
    json_end_object(w);
}

static void put_finding(struct json_writer *w, const struct rule_info *f)
{
    json_begin_object(w);
    json_key(w, "id");
    json_put_str(w, f->id);
    json_both(w, "title", f->title_en, f->title_ja);
    json_key(w, "level");
    json_put_str(w, level_name(f->level));
    json_key(w, "evidence_group");
    json_put_str(w, f->evidence_group);
    json_key(w, "likelihood_ratio");
    json_put_double(w, f->likelihood_ratio);
    json_end_object(w);
}

static void put_instrument(struct json_writer *w, const struct instruments *all, size_t index)
{
    struct instrument_info i;
    instruments_info(all, index, &i);
    json_begin_object(w);
    json_key(w, "name");
    json_put_str(w, i.name);
    json_both(w, "title", i.title_en, i.title_ja);
    json_both(w, "description", i.description_en, i.description_ja);
    put_number(w, "seen", i.seen);
    put_number(w, "told", i.told);
    put_number(w, "excepted", i.excepted);
    put_number(w, "late", i.late);
    put_number(w, "entries", i.entries);
    put_number(w, "dropped", i.dropped);
    put_number(w, "bytes", i.bytes);
    json_key(w, "has_list");
    json_put_bool(w, i.has_list);
    json_key(w, "parameters");
    json_begin_array(w);
    for (size_t n = 0; n < i.parameter_count; n++)
        put_parameter(w, &i.parameters[n]);
    json_end_array(w);
    json_key(w, "findings");
    json_begin_array(w);
    for (size_t n = 0; n < i.finding_count; n++)
        put_finding(w, &i.findings[n]);
    json_end_array(w);
    json_end_object(w);
}

static void put_all(void *context, const struct instruments *all)
{
    struct json_writer w = {.out = context};
    json_begin_object(&w);
    json_key(&w, "instruments");
    json_begin_array(&w);
    for (size_t n = 0; n < instruments_count(all); n++)
        put_instrument(&w, all, n);
    json_end_array(&w);
    json_end_object(&w);
}

static bool refuse(struct console_failure *failure, int status, struct error en, struct error ja)
{
    failure->status = status;
    failure->en = en;
    failure->ja = ja;
    return false;
}

static bool instruments(void *ctx, struct buf *json, struct console_failure *failure)
{
    struct server *s = ctx;
    return desk_ask_instruments(s->desk, put_all, json) ||
           refuse(failure, 404, (struct error){"This server runs no instruments."},
                  (struct error){"このサーバーでは計器が動いていません。"});
}

struct list_wanted {
    struct str name;
    struct buf *rows;
    bool is_there;
};

static void put_list(void *context, const struct instruments *all)
{
    struct list_wanted *wanted = context;
    wanted->is_there = instruments_list(all, wanted->name, wanted->rows);
}

static bool instrument_list(void *ctx, struct str name, struct buf *json, struct console_failure *failure)
{
    struct server *s = ctx;
    struct list_wanted wanted = {.name = name, .rows = json};
    buf_c(json, "{\"rows\":");
    desk_ask_instruments(s->desk, put_list, &wanted);
    buf_char(json, '}');
    return wanted.is_there || refuse(failure, 404, (struct error){"No instrument of that name keeps a list."},
                                     (struct error){"その名前の計器に一覧はありません。"});
}

static void put_metrics(void *context, const struct instruments *all)
{
    for (size_t n = 0; n < instruments_count(all); n++) {
        struct instrument_info i;
        struct buf labels = {0};
        instruments_info(all, n, &i);
        metrics_label(&labels, "instrument", i.name);
        metrics_counter(context, "hyakuyo_instrument_sights_total",
                        "Events that an instrument has looked at.", buf_str(&labels), (double)i.seen);
        metrics_counter(context, "hyakuyo_instrument_findings_total", "Findings of an instrument.",
                        buf_str(&labels), (double)i.told);
        metrics_gauge(context, "hyakuyo_instrument_entries", "Entries in the tables of an instrument.",
                      buf_str(&labels), (double)i.entries);
        metrics_counter(context, "hyakuyo_instrument_dropped_total",
                        "Entries that made room: the table had reached its limit.", buf_str(&labels),
                        (double)i.dropped);
        metrics_counter(context, "hyakuyo_instrument_late_total",
                        "Events that came when what they belong to was closed.", buf_str(&labels),
                        (double)i.late);
        metrics_gauge(context, "hyakuyo_instrument_bytes", "Memory of the tables of an instrument.",
                      buf_str(&labels), (double)i.bytes);
        buf_free(&labels);
    }
}

void server_put_instrument_metrics(struct server *s, struct metrics *m)
{
    desk_ask_instruments(s->desk, put_metrics, m);
}

void services_instruments(struct console_services *s)
{
    s->instruments = instruments;
    s->instrument_list = instrument_list;
}
