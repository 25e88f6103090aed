/* Stage: report. Rows, and how their cells are said to people and to programs. Next: html.c, csv.c, pdf.c. */
#include <math.h>
#include <stdio.h>

#include "report/report.h"

struct report_cell *report_add_row(struct report *r, struct report_section *s)
{
    if (s->row_count == s->limit) {
        s->is_cut = true;
        return NULL;
    }
    if (s->row_count == s->row_capacity) {
        uint32_t capacity = s->row_capacity ? s->row_capacity * 2 : 16;
        struct report_cell *cells =
            ARENA_ARRAY(&r->arena, struct report_cell, (size_t)capacity * s->column_count + 1);
        if (s->row_count)
            memcpy(cells, s->cells, sizeof *cells * s->row_count * s->column_count);
        s->cells = cells;
        s->row_capacity = capacity;
    }
    return s->cells + (size_t)s->row_count++ * s->column_count;
}

struct report_cell report_whole(int64_t number)
{
    return (struct report_cell){.kind = CELL_NUMBER, .whole = number, .real = (double)number};
}

struct report_cell report_real(double number)
{
    if (!isfinite(number))
        return (struct report_cell){.kind = CELL_UNKNOWN};
    return (struct report_cell){.kind = CELL_NUMBER, .whole = llround(number), .real = number};
}

struct report_cell report_text(struct str text)
{
    return (struct report_cell){.kind = CELL_TEXT, .text = text};
}

size_t report_find_column(const struct report_section *s, struct str name)
{
    for (uint32_t i = 0; i < s->column_count; i++)
        if (str_eq(s->columns[i].name, name))
            return i;
    return SIZE_MAX;
}

size_t report_find_member(const struct report_section *s, struct str member)
{
    for (uint32_t i = 0; i < s->column_count; i++)
        if (str_eq(s->columns[i].member, member))
            return i;
    return SIZE_MAX;
}

/* ------------------------------------------------------------------- period */

static int64_t local_midnight(int64_t days, const struct zone *zone)
{
    int64_t local = days * 86400;
    return (local - zone_offset_at_local(zone, local)) * NS_PER_SECOND;
}

void report_default_period(enum report_period period, const struct zone *zone, int64_t now_ns,
                           int64_t *from_ns, int64_t *to_ns)
{
    int64_t seconds = now_ns / NS_PER_SECOND, year;
    unsigned month, day;
    int64_t today = (seconds + zone_offset_at_utc(zone, seconds)) / 86400;
    int64_t end = today, begin = today - 1;
    if (period == PERIOD_WEEK) {
        end = today - (today + 3) % 7; /* day 0 was a Thursday */
        begin = end - 7;
    } else if (period == PERIOD_MONTH) {
        days_to_civil(today, &year, &month, &day);
        end = civil_to_days(year, month, 1);
        begin = month == 1 ? civil_to_days(year - 1, 12, 1) : civil_to_days(year, month - 1, 1);
    }
    *from_ns = local_midnight(begin, zone);
    *to_ns = local_midnight(end, zone);
}

/* ------------------------------------------------------------------ showing */

struct str report_say(const struct report *r, struct report_word w)
{
    return r->language == LANGUAGE_JA && w.ja.n ? w.ja : w.en;
}

static struct str pick(const struct report *r, const char *en, const char *ja)
{
    return str_c(r->language == LANGUAGE_JA ? ja : en);
}

bool report_is_number(const struct report_column *c)
{
    return c->value_count == 0 && c->type != REPORT_TEXT && c->type != REPORT_TIME &&
           c->type != REPORT_DATE && c->type != REPORT_LINK;
}

/* "12,345,678" */
static struct str grouped(int64_t number, struct arena *arena)
{
    char digits[24], out[32];
    size_t n = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)number), at = 0;
    size_t sign = digits[0] == '-';
    for (size_t i = 0; i < n; i++) {
        if (i > sign && (n - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    return arena_str(arena, str_n(out, at));
}

static struct str moment(const struct report *r, int64_t time_ns, size_t keep, struct arena *arena)
{
    char text[TIME_TEXT_MAX];
    time_format_local(time_ns, r->zone, text);
    if (keep > 10)
        text[10] = ' ';
    return arena_str(arena, str_n(text, keep));
}

static struct str span(const struct report *r, int64_t minutes, struct arena *arena)
{
    bool ja = r->language == LANGUAGE_JA;
    long long m = minutes;
    if (m >= 2 * 1440)
        return arena_printf(arena, ja ? "%lld日%lld時間" : "%lldd %lldh", m / 1440, m % 1440 / 60);
    if (m >= 60)
        return arena_printf(arena, ja ? "%lld時間%lld分" : "%lldh %lldm", m / 60, m % 60);
    return arena_printf(arena, ja ? "%lld分" : "%lldm", m);
}

static struct str bytes(double n, struct arena *arena)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    unsigned u = 0;
    for (; n >= 1024 && u < 5; u++)
        n /= 1024;
    return arena_printf(arena, u ? "%.1f %s" : "%.0f %s", n, units[u]);
}

static const struct report_value *value_of(const struct report_column *c, const struct report_cell *cell)
{
    char number[24];
    struct str wanted = cell->text;
    if (cell->kind == CELL_NUMBER)
        wanted = str_n(number, (size_t)snprintf(number, sizeof number, "%lld", (long long)cell->whole));
    for (uint32_t i = 0; i < c->value_count; i++)
        if (str_eq(c->values[i].value, wanted))
            return &c->values[i];
    return NULL;
}

/* What is nearly certain is not certain. */
static struct str percent(double value, struct arena *arena)
{
    if (value > 99.95 && value < 100)
        return STR("> 99.9 %");
    if (value > 0 && value < 0.05)
        return STR("< 0.1 %");
    return arena_printf(arena, "%.1f %%", value);
}

static struct str number_text(const struct report *r, enum report_type type, const struct report_cell *cell,
                              struct arena *arena)
{
    switch (type) {
    case REPORT_REAL:
        if (cell->real >= 10000 || cell->real <= -10000)
            return grouped(cell->whole, arena);
        if (cell->real != 0 && cell->real < 0.001 && cell->real > -0.001)
            return cell->real > 0 ? STR("< 0.001") : STR("> -0.001");
        return arena_printf(arena, "%.4g", cell->real);
    case REPORT_PERCENT:
        return percent(cell->real, arena);
    case REPORT_TIME:
        return moment(r, cell->whole, 16, arena);
    case REPORT_DATE:
        return moment(r, cell->whole, 10, arena);
    case REPORT_SPAN:
        return span(r, cell->whole, arena);
    case REPORT_BYTES:
        return bytes(cell->real, arena);
    default:
        return grouped(cell->whole, arena);
    }
}

bool report_is_link(const struct report_column *c, const struct report_cell *cell)
{
    struct str a = cell->text;
    bool is_address =
        str_starts(a, STR("http://")) || str_starts(a, STR("https://")) || str_starts(a, STR("/#/"));
    return c->type == REPORT_LINK && cell->kind == CELL_TEXT && is_address &&
           str_find_char(a, '\'', 0) == STR_NOT_FOUND && str_find_char(a, '\\', 0) == STR_NOT_FOUND;
}

/* The program's own sentences in the record are in both languages, "English / Japanese": the half that is
 * read. What people wrote is left alone. */
struct str report_half(const struct report *r, struct str text)
{
    size_t at = str_find(text, STR(" / "), 0);
    if (at == STR_NOT_FOUND || at == 0 || at + 3 >= text.n || (unsigned char)text.p[at + 3] < 0xE3)
        return text;
    for (size_t i = 0; i < at; i++)
        if ((unsigned char)text.p[i] < 0x20 || (unsigned char)text.p[i] > 0x7e)
            return text;
    return r->language == LANGUAGE_JA ? str_skip(text, at + 3) : str_slice(text, 0, at);
}

struct str report_show(const struct report *r, const struct report_column *c, const struct report_cell *cell,
                       struct arena *arena)
{
    const struct report_value *value = value_of(c, cell);
    if (cell->kind == CELL_UNKNOWN)
        return pick(r, "unknown", "不明");
    if (value != NULL)
        return report_say(r, value->shown);
    if (report_is_link(c, cell))
        return pick(r, "open", "開く");
    if (cell->kind == CELL_TEXT)
        return cell->text.n ? cell->text : pick(r, "(none)", "(なし)");
    return number_text(r, c->type, cell, arena);
}

void report_plain(const struct report *r, const struct report_column *c, const struct report_cell *cell,
                  struct buf *out)
{
    char text[TIME_TEXT_MAX];
    const struct report_value *value = value_of(c, cell);
    if (cell->kind == CELL_UNKNOWN)
        buf_c(out, "unknown");
    else if (value != NULL)
        buf_add(out, report_say(r, value->shown));
    else if (cell->kind == CELL_TEXT)
        buf_add(out, cell->text);
    else if (c->type == REPORT_TIME || c->type == REPORT_DATE)
        buf_add(out, str_n(text, time_format_local(cell->whole, r->zone, text)));
    else if (c->type == REPORT_REAL || c->type == REPORT_PERCENT)
        buf_printf(out, "%.10g", cell->real);
    else
        buf_i64(out, cell->whole);
}

/* -------------------------------------------------------------------- facts */

static struct str offset_of(const struct report *r, int64_t time_ns, struct arena *arena)
{
    char text[TIME_TEXT_MAX];
    size_t n = time_format_local(time_ns, r->zone, text);
    return arena_printf(arena, "UTC%.*s", 6, text + n - 6);
}

static struct str period_text(const struct report *r, struct arena *arena)
{
    struct str from = moment(r, r->from_ns, 16, arena), to = moment(r, r->to_ns, 16, arena);
    return arena_printf(arena, r->language == LANGUAGE_JA ? "%.*s から %.*s まで" : "%.*s to %.*s",
                        STR_ARGS(from), STR_ARGS(to));
}

static struct str or_unknown(const struct report *r, struct str text)
{
    return text.n ? text : pick(r, "unknown", "不明");
}

uint32_t report_facts(const struct report *r, struct arena *arena, struct report_fact out[REPORT_FACTS_MAX])
{
    uint32_t n = 0;
    if (r->to_ns > r->from_ns)
        out[n++] = (struct report_fact){pick(r, "Period", "対象期間"), period_text(r, arena)};
    if (r->incident)
        out[n++] = (struct report_fact){pick(r, "Incident", "インシデント"),
                                        arena_printf(arena, "%llu", (unsigned long long)r->incident)};
    out[n++] = (struct report_fact){pick(r, "As of", "作成時点"), moment(r, r->as_of_ns, 16, arena)};
    out[n++] =
        (struct report_fact){pick(r, "Times are local", "時刻の基準"), offset_of(r, r->as_of_ns, arena)};
    out[n++] = (struct report_fact){pick(r, "Criteria", "判定基準の版"), or_unknown(r, r->criteria_version)};
    out[n++] = (struct report_fact){pick(r, "Head of the record", "記録の先頭ハッシュ"),
                                    or_unknown(r, r->record_head)};
    out[n++] = (struct report_fact){pick(r, "Last event number", "最後のイベント番号"),
                                    r->last_sequence
                                        ? arena_printf(arena, "%llu", (unsigned long long)r->last_sequence)
                                        : pick(r, "no events", "イベントなし")};
    return n;
}

static struct str source_text(const struct report *r, const struct report_section *s, struct arena *arena)
{
    const struct report_source *from = &s->source;
    if (from->query.n)
        return arena_printf(arena, "%s: %.*s", pick(r, "events", "イベント").p, STR_ARGS(from->query));
    if (from->state.n)
        return arena_printf(arena, "%s: %.*s", pick(r, "state", "状態").p, STR_ARGS(from->state));
    return arena_printf(arena, "%s: %.*s%s%.*s", pick(r, "program", "プログラム").p, STR_ARGS(from->document),
                        from->rows.n ? "." : "", STR_ARGS(from->rows));
}

struct str report_origin(const struct report *r, const struct report_section *s, struct arena *arena)
{
    struct str when;
    if (s->shape == SHAPE_TEXT)
        return STR_EMPTY;
    if (s->is_now || r->to_ns <= r->from_ns)
        when = arena_printf(arena, "%s %.*s", pick(r, "as of", "時点:").p,
                            STR_ARGS(moment(r, r->as_of_ns, 16, arena)));
    else
        when = period_text(r, arena);
    return arena_printf(arena, "%s %.*s · %.*s", pick(r, "Source:", "出所:").p,
                        STR_ARGS(source_text(r, s, arena)), STR_ARGS(when));
}

#define PACK_ROWS 20

uint32_t report_rows_shown(const struct report *r, const struct report_section *s)
{
    return r->is_pack && s->row_count > PACK_ROWS ? PACK_ROWS : s->row_count;
}

struct str report_remark(const struct report *r, const struct report_section *s, struct arena *arena)
{
    struct str problem = report_say(r, s->problem);
    if (s->shape == SHAPE_TEXT)
        return STR_EMPTY;
    if (problem.n)
        return arena_printf(arena, "%s: %.*s", pick(r, "unknown", "不明").p, STR_ARGS(problem));
    if (s->row_count == 0)
        return pick(r, "none", "該当なし");
    if (report_rows_shown(r, s) < s->row_count)
        return arena_printf(arena,
                            r->language == LANGUAGE_JA
                                ? "全 %u 行のうち最初の %u 行。全行は %.*s/population.csv"
                                : "of %u rows the first %u; all are in %.*s/population.csv",
                            s->row_count, report_rows_shown(r, s), STR_ARGS(s->control.id));
    if (s->is_cut)
        return arena_printf(arena,
                            r->language == LANGUAGE_JA ? "最初の %u 行のみ。この先にも行があります"
                                                       : "only the first %u rows; there are more",
                            s->limit);
    return STR_EMPTY;
}
