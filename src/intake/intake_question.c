/* From a look of intake.yml and a report to a question in the filter language. Next: intake_look.c, which
 * asks it. */
#include "intake/intake_question.h"

#include "base/log.h"

void intake_add_quoted(struct buf *out, struct str text)
{
    buf_char(out, '"');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"' || text.p[i] == '\\')
            buf_char(out, '\\');
        buf_char(out, text.p[i]);
    }
    buf_char(out, '"');
}

static bool is_account(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = ascii_lower(text.p[i]);
        if (!ascii_is_digit(c) && (c < 'a' || c > 'z') && c != '-' && c != '.' && c != '_')
            return false;
    }
    return text.n > 1 && text.n <= 64;
}

static bool is_mailbox(struct str text)
{
    return text.n <= 254 && str_find_char(text, '@', 0) != STR_NOT_FOUND &&
           str_find_char(text, ' ', 0) == STR_NOT_FOUND;
}

/* What the key stands for in this report, as the language writes it; false when it is not known. */
static bool add_value(const struct work_row *report, enum intake_key key, struct buf *out)
{
    struct str user = report->values[USER_REPORT_REPORTER], contact = report->values[USER_REPORT_CONTACT];
    struct str value = key == INTAKE_HOST    ? report->values[USER_REPORT_HOST]
                       : key == INTAKE_IP    ? report->values[USER_REPORT_IP]
                       : key == INTAKE_USER  ? user
                       : is_mailbox(contact) ? contact
                       : is_mailbox(user)    ? user
                                             : STR_EMPTY;
    if (value.n) {
        intake_add_quoted(out, value);
        return true;
    }
    if (key != INTAKE_MAILBOX || !is_account(user))
        return false;
    buf_printf(out, "%.*s@*", STR_ARGS(user));
    return true;
}

/* (field:"value" or …) and (only); "" when nothing of it is known. */
struct str intake_filter(const struct intake_look *look, const struct work_row *report, struct arena *arena)
{
    struct buf text = {0}, value = {0};
    uint32_t known = 0;
    for (uint32_t i = 0; i < look->who_count; i++) {
        buf_clear(&value);
        if (!add_value(report, look->who[i].key, &value))
            continue;
        buf_printf(&text, "%s%.*s:%.*s", known++ ? " or " : "(", STR_ARGS(look->who[i].field),
                   STR_ARGS(buf_str(&value)));
    }
    if (known)
        buf_char(&text, ')');
    if (known && look->only.n)
        buf_printf(&text, " and (%.*s)", STR_ARGS(look->only));
    struct str filter = arena_str(arena, buf_str(&text));
    buf_free(&text);
    buf_free(&value);
    return filter;
}

struct str intake_question(const struct intake_look *look, struct str filter, struct arena *arena)
{
    struct buf text = {0};
    bool is_count = str_eq(look->field, STR("events"));
    buf_add(&text, filter);
    if (look->kind == INTAKE_SHOW) {
        buf_printf(&text, " | head %lld | fields ", (long long)look->rows);
        for (uint32_t i = 0; i < look->show_count; i++)
            buf_printf(&text, "%s%.*s", i ? ", " : "", STR_ARGS(look->show[i]));
    } else if (look->kind == INTAKE_RARE) {
        buf_printf(&text, " and %.*s:* | count as count, min(@timestamp) as first by %.*s | head %d",
                   STR_ARGS(look->field), STR_ARGS(look->field), INTAKE_VALUES_MAX);
    } else if (is_count) {
        buf_c(&text, " | timechart 1h count as value");
    } else {
        buf_printf(&text, " | timechart 1h sum(%.*s) as value", STR_ARGS(look->field));
    }
    struct str question = arena_str(arena, buf_str(&text));
    buf_free(&text);
    return question;
}

bool intake_prove(const struct intake_rules *rules, struct error *err)
{
    struct arena arena;
    struct work_row report = {0};
    struct query_context context = {.now_ns = clock_wall_ns()};
    bool ok = true;
    for (int i = 0; i < USER_REPORT_COLUMNS; i++)
        report.values[i] = STR("10.0.0.1");
    arena_init(&arena, 16 << 10);
    for (uint32_t i = 0; ok && i < rules->look_count; i++) {
        struct query_error syntax;
        const struct intake_look *look = &rules->looks[i];
        struct str question = intake_question(look, intake_filter(look, &report, &arena), &arena);
        struct query *q = query_parse(question, &context, &syntax);
        if (q == NULL)
            ok = error_set(err,
                           tr("intake.yml: look '%.*s' is no question: %s in %.*s",
                              "intake.yml: 照合「%.*s」を解釈できません: %s (%.*s)"),
                           STR_ARGS(look->id), tr(syntax.en, syntax.ja), STR_ARGS(question));
        query_free(q);
    }
    arena_free(&arena);
    return ok;
}
