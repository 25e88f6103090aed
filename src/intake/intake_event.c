/* A report as the record that goes through the journal. Next: content/parsers/hyakuyo.user-report.yml, which
 * reads it. */
#include "intake/intake.h"

static void put_text(struct json_writer *w, const char *key, struct str text)
{
    if (text.n == 0)
        return;
    json_key(w, key);
    json_put_str(w, text);
}

static void put_boxes(struct json_writer *w, struct str symptoms)
{
    struct str part;
    json_key(w, "boxes");
    json_begin_array(w);
    while (symptoms.n && str_split(&symptoms, ';', &part))
        json_put_str(w, part);
    json_end_array(w);
}

/* One line that content/parsers/hyakuyo.user-report.yml reads. */
void intake_write_event(const struct work_row *r, struct buf *out)
{
    struct json_writer w = {.out = out};
    struct str contact = r->values[USER_REPORT_CONTACT];
    json_begin_object(&w);
    json_key(&w, "ts");
    json_put_time(&w, work_number(r, USER_REPORT_RECEIVED));
    json_key(&w, "form");
    json_put_c(&w, "user-report");
    json_key(&w, "number");
    json_put_u64(&w, r->id);
    put_text(&w, "channel", r->values[USER_REPORT_CHANNEL]);
    json_key(&w, "noticed");
    json_put_time(&w, work_number(r, USER_REPORT_NOTICED));
    put_text(&w, "by", r->values[USER_REPORT_REPORTER]);
    put_text(&w, "pc", r->values[USER_REPORT_HOST]);
    put_text(&w, "ip", r->values[USER_REPORT_IP]);
    put_text(&w, "written_pc", r->values[USER_REPORT_PC]);
    if (str_find_char(contact, '@', 0) != STR_NOT_FOUND)
        put_text(&w, "mail", contact);
    put_text(&w, "location", r->values[USER_REPORT_LOCATION]);
    put_boxes(&w, r->values[USER_REPORT_SYMPTOMS]);
    put_text(&w, "text", r->values[USER_REPORT_TEXT]);
    json_end_object(&w);
    buf_char(out, '\n');
}
