/* Indicators as a table (stage report). Cells that a spreadsheet would take for a formula get an apostrophe.
 */
#include "base/clock.h"
#include "report/outside/export.h"

static void put_cell(struct buf *out, struct str cell)
{
    bool is_formula = cell.n && strchr("=+-@\t\r", cell.p[0]) != NULL;
    buf_char(out, '"');
    if (is_formula)
        buf_char(out, '\'');
    for (size_t i = 0; i < cell.n; i++) {
        if (cell.p[i] == '"')
            buf_char(out, '"');
        buf_char(out, cell.p[i]);
    }
    buf_char(out, '"');
}

static void put_time(struct buf *out, int64_t time_ns)
{
    char text[TIME_TEXT_MAX];
    put_cell(out, str_n(text, time_format_iso(time_ns, text)));
}

void export_csv(const struct case_export *c, bool has_bom, struct buf *out)
{
    struct observable *all;
    size_t count = case_indicators(c, &all);
    if (has_bom)
        buf_c(out, "\xEF\xBB\xBF");
    buf_c(out, "type,value,first_seen,last_seen,count,title,techniques,tlp\r\n");
    for (size_t i = 0; i < count; i++) {
        put_cell(out, observable_type_name(all[i].type));
        buf_char(out, ',');
        put_cell(out, all[i].value);
        buf_char(out, ',');
        put_time(out, all[i].first_ns);
        buf_char(out, ',');
        put_time(out, all[i].last_ns);
        buf_printf(out, ",%llu,", (unsigned long long)all[i].count);
        put_cell(out, all[i].title);
        buf_char(out, ',');
        put_cell(out, all[i].techniques);
        buf_char(out, ',');
        put_cell(out, tlp_label(c->tlp));
        buf_c(out, "\r\n");
    }
}
