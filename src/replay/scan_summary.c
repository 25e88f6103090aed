/* hyakuyo scan --summary. */
#include "replay/scan_summary.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/rows.h"

void scan_summary_init(struct scan_summary *s, const struct file_list *list)
{
    *s = (struct scan_summary){.list = list, .files = NEW_ARRAY(struct summary_file, list->count + 1)};
}

void scan_summary_free(struct scan_summary *s)
{
    map_free(&s->by_id);
    memory_free(s->rules);
    memory_free(s->files);
}

static struct summary_rule *find_rule(struct scan_summary *s, const struct finding *f)
{
    uintptr_t *index = map_put(&s->by_id, f->rule_id, NULL);
    if (*index)
        return &s->rules[*index - 1];
    if (s->rule_count == s->rule_capacity) {
        s->rule_capacity = s->rule_capacity ? s->rule_capacity * 2 : 64;
        s->rules = memory_resize_array(s->rules, s->rule_capacity, sizeof *s->rules);
    }
    *index = s->rule_count + 1;
    s->rules[s->rule_count] =
        (struct summary_rule){.id = f->rule_id,
                              .title = f->title_ja.n && language_current() == LANGUAGE_JA ? f->title_ja
                                                                                          : f->title_en,
                              .level = f->level};
    return &s->rules[s->rule_count++];
}

static void add_finding(struct scan_summary *s, const struct finding *f, size_t file)
{
    struct summary_rule *rule = find_rule(s, f);
    rule->findings++;
    if (rule->last_file != file + 1)
        rule->files++;
    rule->last_file = file + 1;
    s->by_level[f->level]++;
    s->findings++;
    s->files[file].findings++;
    if (f->level > s->files[file].worst)
        s->files[file].worst = f->level;
}

void scan_summary_add(struct scan_summary *s, const struct scan_result *r)
{
    struct summary_file *file = &s->files[r->file];
    if (r->err.text[0] && !file->is_unreadable) {
        file->is_unreadable = true;
        s->files_unreadable++;
    }
    s->files_done += r->is_end;
    for (const struct finding *f = r->findings; f != NULL; f = f->next)
        add_finding(s, f, r->file);
    if (r->block == NULL)
        return;
    file->events += r->block->batch->count;
    file->unparsed += r->unparsed;
    s->events += r->block->batch->count;
    s->unparsed += r->unparsed;
}

/* Rows -------- */

static void put_number(struct json_writer *w, const char *key, uint64_t n)
{
    json_key(w, key);
    json_put_u64(w, n);
}

static void put_text(struct json_writer *w, const char *key, struct str text)
{
    json_key(w, key);
    json_put_str(w, text);
}

static int compare_rules(const void *a, const void *b)
{
    const struct summary_rule *x = a, *y = b;
    if (x->level != y->level)
        return x->level > y->level ? -1 : 1;
    if (x->findings != y->findings)
        return x->findings > y->findings ? -1 : 1;
    return str_compare(x->id, y->id);
}

static void put_rules(const struct scan_summary *s, struct json_writer *w)
{
    struct summary_rule *sorted = NEW_ARRAY(struct summary_rule, s->rule_count + 1);
    if (s->rule_count)
        memcpy(sorted, s->rules, s->rule_count * sizeof *sorted);
    qsort(sorted, s->rule_count, sizeof *sorted, compare_rules);
    for (size_t i = 0; i < s->rule_count; i++) {
        json_begin_object(w);
        put_text(w, "by", STR("rule"));
        put_text(w, "level", level_name(sorted[i].level));
        put_number(w, "findings", sorted[i].findings);
        put_number(w, "files", sorted[i].files);
        put_text(w, "rule", sorted[i].title);
        put_text(w, "rule_id", sorted[i].id);
        json_end_object(w);
    }
    memory_free(sorted);
}

static void put_levels(const struct scan_summary *s, struct json_writer *w)
{
    for (int level = LEVEL_CRITICAL; level >= 0; level--) {
        json_begin_object(w);
        put_text(w, "by", STR("level"));
        put_text(w, "level", level_name((enum level)level));
        put_number(w, "findings", s->by_level[level]);
        json_end_object(w);
    }
}

static void put_files(const struct scan_summary *s, struct json_writer *w)
{
    for (size_t i = 0; i < s->list->count; i++) {
        const struct summary_file *file = &s->files[i];
        json_begin_object(w);
        put_text(w, "by", STR("file"));
        if (file->findings)
            put_text(w, "level", level_name(file->worst));
        put_number(w, "findings", file->findings);
        put_number(w, "events", file->events);
        put_number(w, "not_understood", file->unparsed);
        put_text(w, "file", s->list->paths[i]);
        if (file->is_unreadable) {
            json_key(w, "unreadable");
            json_put_bool(w, true);
        }
        json_end_object(w);
    }
}

static void put_total(const struct scan_summary *s, double seconds, struct json_writer *w)
{
    json_begin_object(w);
    put_text(w, "by", STR("total"));
    put_number(w, "findings", s->findings);
    put_number(w, "events", s->events);
    put_number(w, "not_understood", s->unparsed);
    put_number(w, "files", s->files_done);
    put_number(w, "unreadable_files", s->files_unreadable);
    json_key(w, "seconds");
    json_put_double(w, seconds);
    json_end_object(w);
}

/* One table of the three. */
static bool print_section(const struct scan_summary *s, const struct arguments *a,
                          void (*put)(const struct scan_summary *, struct json_writer *),
                          const char *const *columns, struct error *err)
{
    struct buf rows = {0};
    struct json_writer w = {.out = &rows};
    json_begin_array(&w);
    put(s, &w);
    json_end_array(&w);
    bool ok = rows_print(a, buf_str(&rows), columns, err);
    printf("\n");
    buf_free(&rows);
    return ok;
}

static void print_sentence(const struct scan_summary *s, double seconds)
{
    printf(tr("%llu files (%llu unreadable), %llu events (%llu not understood), %llu findings in %.2f s "
              "(%.0f events/s)\n",
              "%llu ファイル(読めないもの %llu)、%llu 件(解析できない記録 %llu 件)、検知 %llu 件、%.2f 秒"
              "(毎秒 %.0f 件)\n"),
           (unsigned long long)s->files_done, (unsigned long long)s->files_unreadable,
           (unsigned long long)s->events, (unsigned long long)s->unparsed, (unsigned long long)s->findings,
           seconds, seconds > 0 ? (double)s->events / seconds : 0.0);
}

static bool print_tables(const struct scan_summary *s, const struct arguments *a, double seconds,
                         struct error *err)
{
    static const char *const of_rules[] = {"level", "findings", "files", "rule", "rule_id", NULL};
    static const char *const of_levels[] = {"level", "findings", NULL};
    static const char *const of_files[] = {"level", "findings", "events", "not_understood", "file", NULL};
    bool ok = print_section(s, a, put_rules, of_rules, err) &&
              print_section(s, a, put_levels, of_levels, err) &&
              print_section(s, a, put_files, of_files, err);
    print_sentence(s, seconds);
    return ok;
}

bool scan_summary_print(const struct scan_summary *s, const struct arguments *a, double seconds,
                        struct error *err)
{
    static const char *const columns[] = {
        "by",   "level",   "findings",   "events",           "not_understood", "files", "file",
        "rule", "rule_id", "unreadable", "unreadable_files", "seconds",        NULL};
    struct rows_printer printer;
    rows_begin(&printer, a, columns);
    bool is_table = strcmp(printer.format, "table") == 0;
    if (is_table) {
        rows_end(&printer);
        return print_tables(s, a, seconds, err);
    }
    struct buf rows = {0};
    struct json_writer w = {.out = &rows};
    json_begin_array(&w);
    put_rules(s, &w);
    put_levels(s, &w);
    put_files(s, &w);
    put_total(s, seconds, &w);
    json_end_array(&w);
    bool ok = rows_page(&printer, buf_str(&rows), err);
    rows_end(&printer);
    buf_free(&rows);
    return ok;
}
