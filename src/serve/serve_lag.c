/* Late feeds (S4): once a second the sources whose lag has lasted too long are told, in the log and as a
 * record of the program's own, which a rule turns into a finding like any other. Next: lag.c. */
#include "serve/serve.h"

#include <unistd.h>

#include "base/json.h"
#include "base/log.h"

static void put(struct json_writer *w, const char *key, struct str value)
{
    json_key(w, key);
    json_put_str(w, value);
}

static bool submit(struct server *s, struct str record)
{
    struct batch *batch = batch_new(1);
    struct record *r = batch_add(batch, record, STR("hyakuyo"));
    r->received_ns = clock_wall_ns();
    r->transport = TRANSPORT_HTTP;
    if (journal_submit(s->journal, submission_new(batch)))
        return true;
    batch_free(batch);
    return false;
}

static void tell(struct server *s, const struct lag_row *row)
{
    char host[256] = "";
    struct buf text = {0}, message = {0};
    struct json_writer w = {.out = &text};
    const struct source *source = registry_get(s->registry, row->source);
    struct str name = source ? source->name : STR("?");
    (void)gethostname(host, sizeof host - 1);
    buf_printf(&message,
               "the source %.*s is late: 95 %% of its events arrive within %.0f s, the limit is %.0f s",
               STR_ARGS(name), row->p95_s, lag_limit(s->lag));
    json_begin_object(&w);
    json_key(&w, "@timestamp");
    json_put_time(&w, clock_wall_ns());
    put(&w, "event.kind", STR("alert"));
    put(&w, "event.category", STR("configuration"));
    put(&w, "event.dataset", STR("hyakuyo.control"));
    put(&w, "event.action", STR("feed-late"));
    put(&w, "event.outcome", STR("failure"));
    put(&w, "observer.product", STR("hyakuyo"));
    put(&w, "host.name", str_c(host));
    put(&w, "hyakuyo.control.name", name);
    put(&w, "hyakuyo.control.state", STR("late"));
    put(&w, "message", buf_str(&message));
    json_end_object(&w);
    log_warning(
        tr("the source %.*s is late: 95 %% of its events arrive within %.0f s, the limit is %.0f s; look at "
           "its sender, its clock and the way here",
           "情報源 %.*s が遅延しています: 95%% の到着までに %.0f 秒かかっています(上限 %.0f 秒)。"
           "送信元・時計・経路を確認してください"),
        STR_ARGS(name), row->p95_s, lag_limit(s->lag));
    if (!submit(s, buf_str(&text)))
        log_error("%s", tr("a late source could not be recorded", "情報源の遅延を記録できません"));
    buf_free(&message);
    buf_free(&text);
}

void serve_tell_lags(struct server *s)
{
    struct lag_row row;
    while (lag_alarm(s->lag, clock_wall_ns(), &row))
        tell(s, &row);
}
