/* What is measured for the services of risk: the questions of content/risk.yml are put to the events, and the
 * fleet is asked. Next: services_residual.c. */
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "risk/services_risk.h"

#define MEASURE_ROWS    20000
#define MEASURE_TIME_MS 60000

struct risk_content *risk_load_content(struct server *s, struct error *err)
{
    struct arena arena;
    arena_init(&arena, 4096);
    const char *own = arena_printf(&arena, "%s/risk.yml", s->data_dir).p;
    struct risk_content *c = risk_content_load(file_exists(own) ? own : s->risk_file, err);
    arena_free(&arena);
    return c;
}

/* ---------------------------------------------------------------- measuring */

static bool run(struct risk_answer *a, struct str expression, int64_t from_ns, int64_t to_ns,
                const struct json_node **rows)
{
    struct search wanted = {.expression = expression,
                            .from_ns = from_ns,
                            .to_ns = to_ns,
                            .now_ns = a->now_ns,
                            .zone = a->server->zone,
                            .limit = MEASURE_ROWS,
                            .before = STR_EMPTY,
                            .timeout_ms = MEASURE_TIME_MS};
    struct search_page page;
    struct query_error syntax;
    struct error err;
    enum search_end end = search_run(a->server->store, &wanted, a->arena, &page, &syntax, &err);
    if (end == SEARCH_BAD_EXPRESSION)
        error_set(&err,
                  tr("content/risk.yml: the expression \"%.*s\" cannot be read: %s",
                     "content/risk.yml: 検索式「%.*s」を解釈できません: %s"),
                  STR_ARGS(expression), tr(syntax.en, syntax.ja));
    struct str text =
        end == SEARCH_DONE ? arena_printf(a->arena, "[%.*s]", STR_ARGS(buf_str(&page.rows))) : STR_EMPTY;
    buf_free(&page.rows);
    const struct json_node *list = text.n ? json_parse(text, a->arena, &err) : NULL;
    if (list == NULL)
        return risk_fail(a, 500, &err);
    *rows = list->child;
    return true;
}

/* Rows with the same key (a day each) are added up. */
static struct measured *add_up(struct risk_answer *a, const struct json_node *row, struct str key_field,
                               uint32_t *count, double *total)
{
    struct map by_key = {0};
    struct measured *out = ARENA_ARRAY(a->arena, struct measured, MEASURE_ROWS + 1);
    *count = 0;
    *total = 0;
    for (; row != NULL && *count < MEASURE_ROWS; row = row->next) {
        double n = 0;
        bool is_new;
        struct str key = key_field.n ? json_text(row, arena_str(a->arena, key_field).p) : STR_EMPTY;
        if (!str_to_double(json_text(row, "n"), &n) || (key_field.n && key.n == 0))
            continue;
        uintptr_t *at = map_put(&by_key, key, &is_new);
        if (is_new) {
            *at = *count;
            out[(*count)++] = (struct measured){key, 0};
        }
        out[*at].n += n;
        *total += n;
    }
    map_free(&by_key);
    return out;
}

bool measuring_take(struct measuring *m, enum risk_measure which, int64_t from_ns, int64_t to_ns,
                    struct measured **rows)
{
    const struct risk_measure_text *t = &m->content->measures[which];
    const struct json_node *found = NULL;
    if (!run(m->answer, t->expression, from_ns, to_ns, &found))
        return false;
    *rows = add_up(m->answer, found, t->key, &m->inputs.rows[which], &m->inputs.totals[which]);
    return true;
}

bool measuring_take_window(struct measuring *m, enum risk_measure which, struct measured **rows)
{
    int64_t span_ns = (int64_t)(m->content->window_days * (double)DAY_NS);
    return measuring_take(m, which, m->answer->now_ns - span_ns, m->answer->now_ns, rows);
}

struct fleet_question_of {
    struct str department;
    struct fleet_figures figures;
};

static void ask_figures(void *context, struct fleet *fleet, const struct asset_set *assets)
{
    struct fleet_question_of *q = context;
    struct fleet_asking asking = {.assets = assets, .department = q->department, .state = STR_EMPTY};
    fleet_figures(fleet, &asking, &q->figures);
}

bool measuring_figures(struct server *s, struct str department, struct fleet_figures *out)
{
    struct fleet_question_of q = {.department = department};
    bool has_fleet = desk_ask_fleet(s->desk, ask_figures, &q);
    *out = q.figures;
    return has_fleet;
}

bool measuring_begin(struct measuring *m, struct risk_answer *a)
{
    struct error err;
    *m = (struct measuring){.answer = a, .content = risk_load_content(a->server, &err)};
    if (m->content == NULL)
        return risk_fail(a, 500, &err);
    m->inputs.content = m->content;
    m->inputs.new_names_share = -1;
    m->inputs.has_fleet = measuring_figures(a->server, STR_EMPTY, &m->inputs.fleet);
    return true;
}
