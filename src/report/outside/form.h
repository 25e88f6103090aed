/* Reports to public bodies (spec 3.2–3.4): dated templates of content/forms/, filled from the case.
 *
 *   fields:
 *     - {id: cause, label: {en: Cause, ja: 原因}, from: 'fact:cause', required: true}
 * `from` is fact:NAME, incident:NAME (number, title, type, hosts, first, last, opened, peers, techniques) or
 * organisation:NAME (name, email). A fact with the field's own id goes before it: that is how people edit. */
#ifndef REPORT_OUTSIDE_FORM_H
#define REPORT_OUTSIDE_FORM_H

#include "base/log.h"
#include "report/outside/export.h"

struct form_field {
    struct str id, label_en, label_ja, from;
    bool is_required;
};

struct form {
    struct str id, version, title_en, title_ja, to_en, to_ja;
    const struct form_field *fields;
    size_t field_count;
};

struct forms {
    struct form *items; /* by file name */
    size_t count;
};
/* All .yml of the folder; texts live in `arena`. False with a sentence that names file and line. */
bool forms_load(struct forms *all, const char *folder, struct arena *arena, struct error *err) MUST_CHECK;
const struct form *forms_find(const struct forms *all, struct str id); /* NULL = none */

/* The field's value of this case, redacted; "" = not known. */
struct str form_value(const struct form_field *field, const struct case_export *c);
/* Ids of required fields without a value, "a, b"; "" = none. */
struct str form_missing(const struct form *f, const struct case_export *c);

enum form_media { FORM_TEXT, FORM_HTML, FORM_JSON };
/* `supplements` is the receipt number or number of the first report; "" = this is the first. */
void form_render(const struct form *f, const struct case_export *c, enum form_media media,
                 enum language language, struct str supplements, struct buf *out);

#endif
