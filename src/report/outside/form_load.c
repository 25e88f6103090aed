/* Reads content/forms/ (stage report). Next: form.c. */
#include <dirent.h>
#include <stdlib.h>

#include "base/yaml.h"
#include "report/outside/form.h"

enum { FORMS_MAX = 100 };

static bool complain(const char *path, const struct yaml *node, struct error *err, const char *text)
{
    return error_at(err, path, node->line, node->column, "%s", text);
}

static bool is_source(struct str from)
{
    return from.n == 0 || str_starts(from, STR("fact:")) || str_starts(from, STR("incident:")) ||
           str_starts(from, STR("organisation:"));
}

static bool read_field(const char *path, const struct yaml *n, struct form_field *f, struct error *err)
{
    const struct yaml *label = yaml_get(n, "label");
    *f = (struct form_field){.id = yaml_text(n, "id"),
                             .label_en = yaml_text(label, "en"),
                             .label_ja = yaml_text(label, "ja"),
                             .from = yaml_text(n, "from"),
                             .is_required = yaml_bool(n, "required", false)};
    return (f->id.n && f->label_en.n && f->label_ja.n && is_source(f->from)) ||
           complain(
               path, n, err,
               tr("a field needs id, label in both languages, and from: fact:, incident: or organisation:",
                  "項目には id、両言語の label、from: fact:・incident:・organisation: が必要です"));
}

static bool read_form(const char *path, struct form *form, struct arena *arena, struct error *err)
{
    const struct yaml *top = yaml_load(path, arena, err);
    if (top == NULL)
        return false;
    const struct yaml *title = yaml_get(top, "title"), *to = yaml_get(top, "to"),
                      *list = yaml_get(top, "fields");
    struct form_field *fields = ARENA_ARRAY(arena, struct form_field, (list ? list->count : 0) + 1);
    *form = (struct form){.id = yaml_text(top, "id"),
                          .version = yaml_text(top, "version"),
                          .title_en = yaml_text(title, "en"),
                          .title_ja = yaml_text(title, "ja"),
                          .to_en = yaml_text(to, "en"),
                          .to_ja = yaml_text(to, "ja"),
                          .fields = fields};
    if (!form->id.n || !form->version.n || !form->title_en.n || !form->title_ja.n || list == NULL)
        return complain(path, top, err,
                        tr("a form needs id, version (a date), title and to in both languages, and fields",
                           "様式には id、version(日付)、両言語の title と to、fields が必要です"));
    for (const struct yaml *n = list->child; n != NULL; n = n->next)
        if (!read_field(path, n, &fields[form->field_count++], err))
            return false;
    return true;
}

static int is_yml(const struct dirent *entry)
{
    return str_ends(str_c(entry->d_name), STR(".yml"));
}

bool forms_load(struct forms *all, const char *folder, struct arena *arena, struct error *err)
{
    struct dirent **names;
    int count = scandir(folder, &names, is_yml, alphasort);
    bool ok = count >= 0 || error_errno(err, tr("%s cannot be read", "%s を読めません"), folder);
    *all = (struct forms){.items = ARENA_ARRAY(arena, struct form, FORMS_MAX)};
    if (ok && count > FORMS_MAX)
        ok = error_set(err, tr("%s: more than %d forms", "%s: 様式が %d を超えています"), folder, FORMS_MAX);
    for (int i = 0; i < count; i++) {
        const char *path = arena_printf(arena, "%s/%s", folder, names[i]->d_name).p;
        ok = ok && read_form(path, &all->items[all->count++], arena, err);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return ok;
}
